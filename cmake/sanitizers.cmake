# DR_SANITIZE=address|thread: set by the asan and tsan presets.
set(DR_SANITIZE "" CACHE STRING "address, thread or empty")
if(DR_SANITIZE STREQUAL "address")
    add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
elseif(DR_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread)
    add_link_options(-fsanitize=thread)
endif()
