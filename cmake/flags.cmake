# Compiler flags shared by every target.
add_compile_definitions(_GNU_SOURCE CRIER_VERSION="${PROJECT_VERSION}")
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wformat=2 -Wundef -Wvla -Wcast-qual -Wwrite-strings
    -Wimplicit-fallthrough -Wnull-dereference -fno-common)
if(STRICT)
    add_compile_options(-Werror)
endif()
if(WITH_FAULTS)
    add_compile_definitions(WITH_FAULTS=1)
else()
    add_compile_definitions(WITH_FAULTS=0)
endif()
if(SANITIZE)
    add_compile_options(-fsanitize=${SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${SANITIZE})
    # gcc's flow analysis sees impossible null paths through instrumented code.
    add_compile_options(-Wno-null-dereference)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-truncation -Wno-format-truncation)
    endif()
endif()
if(WITH_FUZZ AND CMAKE_C_COMPILER_ID STREQUAL "Clang")
    add_compile_options(-fsanitize=fuzzer-no-link) # coverage, which libFuzzer steers by
endif()
if(HARDEN)
    include(cmake/harden.cmake)
endif()
