# The three kinds of target. All get warnings and hardening.

# dr_library(NAME sources... PUBLIC dr::x... PRIVATE PkgConfig::Y...)
# makes dr_NAME and dr::NAME from lib/NAME with include/ public.
function(dr_library name)
    cmake_parse_arguments(A "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
    add_library(dr_${name} STATIC ${A_SOURCES})
    add_library(dr::${name} ALIAS dr_${name})
    target_include_directories(dr_${name} PUBLIC include)
    target_link_libraries(dr_${name}
        PUBLIC ${A_PUBLIC}
        PRIVATE ${A_PRIVATE} dr::warnings dr::hardening)
endfunction()

# dr_program(NAME main.c OBJECTS more.c... LINK dr::x...)
# makes library dr_<NAME>_objs (what tests link) and executable NAME.
function(dr_program name main)
    cmake_parse_arguments(A "" "" "OBJECTS;LINK" ${ARGN})
    add_executable(${name} ${main})
    if(A_OBJECTS)
        add_library(${name}-objs STATIC ${A_OBJECTS})
        target_include_directories(${name}-objs
            PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
        target_link_libraries(${name}-objs PUBLIC ${A_LINK}
            PRIVATE dr::warnings dr::hardening)
        target_link_libraries(${name} PRIVATE ${name}-objs)
    endif()
    target_link_libraries(${name} PRIVATE ${A_LINK} dr::warnings dr::hardening)
endfunction()

# dr_unit_test(NAME source.c... LINK targets...): a cmocka executable, label unit.
function(dr_unit_test name)
    cmake_parse_arguments(A "" "" "LINK" ${ARGN})
    add_executable(${name} ${A_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE ${A_LINK} PkgConfig::CMOCKA
        dr::warnings)
    target_compile_definitions(${name} PRIVATE
        DR_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 60)
endfunction()

# dr_server_test(NAME source.c... SERVERS kafka|redis... LINK targets...): a
# cmocka executable run beside real servers, label service.
function(dr_server_test name)
    cmake_parse_arguments(A "" "" "LINK;SERVERS" ${ARGN})
    add_executable(${name} ${A_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE ${A_LINK} PkgConfig::CMOCKA
        dr::warnings)
    list(TRANSFORM A_SERVERS PREPEND --)
    add_test(NAME ${name}
        COMMAND ${CMAKE_SOURCE_DIR}/tests/support/with_servers.py
                ${A_SERVERS} -- $<TARGET_FILE:${name}>)
    set_tests_properties(${name} PROPERTIES LABELS service TIMEOUT 300)
endfunction()
