# dr_embed(OUT.c FUNCTION FILE): a C file whose FUNCTION gives the bytes of
# FILE as a dr_str, so that a program carries its default along.
function(dr_embed out function file)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "((0x..,){12})" "\\1\n" bytes "${bytes}")
    get_filename_component(name ${file} NAME)
    file(CONFIGURE OUTPUT ${out} @ONLY CONTENT
"/* Made from @name@. */
#include <drover/base/str.h>

struct dr_str @function@(void);

static const unsigned char bytes[] = {
@bytes@0};

struct dr_str @function@(void)
{
    return (struct dr_str){(const char *)bytes, sizeof(bytes) - 1};
}
")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
endfunction()
