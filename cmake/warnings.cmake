# dr::warnings: what every target of ours is compiled with.
include(CheckCCompilerFlag)
add_library(dr_warnings INTERFACE)
add_library(dr::warnings ALIAS dr_warnings)
target_compile_definitions(dr_warnings INTERFACE _GNU_SOURCE)
set(dr_warning_flags
    -Wall -Wextra -Wpedantic -Wformat=2 -Wconversion -Wsign-conversion -Wshadow
    -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wcast-qual -Wcast-align -Wpointer-arith
    -Wwrite-strings -Wimplicit-fallthrough -Wdouble-promotion
    -Werror=format-security -Werror=implicit -Werror=incompatible-pointer-types
    -Werror=int-conversion -Werror=unused-result
    -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wformat-signedness
    -Wtrampolines -Wcomma)
foreach(flag IN LISTS dr_warning_flags)
    string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
    # -Wformat-security alone is an error: it wants -Wformat beside it.
    check_c_compiler_flag("-Wformat ${flag}" ${have})
    if(${have})
        target_compile_options(dr_warnings INTERFACE ${flag})
    endif()
endforeach()
