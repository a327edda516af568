# What makes an attacker's work harder, for the release. Included by flags.cmake; what the compiler
# or linker at hand does not know is left out, and tests/release/test_hardening.py says what must be
# in a release of this machine.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckLinkerFlag)
include(CheckPIESupported)

check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# -fcf-protection is x86's, -mbranch-protection arm64's.
foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
        -mbranch-protection=standard)
    string(MAKE_C_IDENTIFIER "HAS${flag}" known)
    check_c_compiler_flag(${flag} ${known})
    if(${known})
        add_compile_options(${flag})
    endif()
endforeach()

# Level 3 measures also what is allocated at run time; a compiler without the builtin has level 2.
check_c_source_compiles("
    int main(int argc, char **argv) { return (int)__builtin_dynamic_object_size(argv[argc - 1], 0); }"
    HAS_DYNAMIC_OBJECT_SIZE)
if(HAS_DYNAMIC_OBJECT_SIZE)
    set(fortify 3)
else()
    set(fortify 2)
endif()
# Some distributions define it already, at another level.
add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${fortify})

add_compile_options(-Werror=format-security) # with STRICT off, too

add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
# The linker marks a program as fit for shadow stacks when all its parts are. libc's start-up code is,
# but Debian 12 builds it without the mark. Of indirect branches it really is not fit: -z ibt would be a lie.
check_linker_flag(C -Wl,-z,shstk HAS_Z_SHSTK)
if(HAS_Z_SHSTK AND HAS_fcf_protection_full)
    add_link_options(-Wl,-z,shstk)
endif()
