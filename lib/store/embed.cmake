# dr_embed_lua(NAME file.lua...): <NAME>_lua[] in a header of the build tree,
# the files one after the other. Scripts stay files: readable, and runnable.
function(dr_embed_lua name)
    set(bytes "")
    foreach(file IN LISTS ARGN)
        set(path ${CMAKE_CURRENT_SOURCE_DIR}/lua/${file})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
        file(READ ${path} hex HEX)
        string(APPEND bytes ${hex})
    endforeach()
    string(REGEX REPLACE "(..)" "0x\\1,\n" bytes "${bytes}")
    set(out ${CMAKE_CURRENT_BINARY_DIR}/lua/${name}_lua.h)
    file(CONFIGURE OUTPUT ${out} CONTENT
        "static const char ${name}_lua[] = {\n@bytes@ 0x00};\n" @ONLY)
endfunction()
