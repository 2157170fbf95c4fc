# dr::hardening: compiler and linker hardening for everything that ships. Each
# flag is probed: the two compilers and the two Debian releases differ.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(dr_hardening INTERFACE)
add_library(dr::hardening ALIAS dr_hardening)

set(dr_hardening_flags
    -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
    -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing
    -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3
    -fzero-init-padding-bits=all)
foreach(flag IN LISTS dr_hardening_flags)
    string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
    check_c_compiler_flag(${flag} ${have})
    if(${have})
        target_compile_options(dr_hardening INTERFACE ${flag})
    endif()
endforeach()

# The nodlopen mark is for libraries; on a program it changes nothing.
set(dr_hardening_links
    -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodlopen
    -Wl,--as-needed -Wl,--no-copy-dt-needed-entries)
foreach(flag IN LISTS dr_hardening_links)
    string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
    check_linker_flag(C ${flag} ${have})
    if(${have})
        target_link_options(dr_hardening INTERFACE ${flag})
    endif()
endforeach()

# Fortify works only with optimisation and hides faults from the sanitizers.
if(NOT DR_SANITIZE)
    target_compile_options(dr_hardening INTERFACE
        $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
        $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()
