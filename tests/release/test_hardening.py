"""What an attacker finds: read from the release binary with binutils, since a flag of the compiler is only
a wish until it shows in what it made."""

import platform
import re
import subprocess

MACHINE = platform.machine()


def run(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


def segment(binary, name):
    """The flags of a program header; None when there is none."""
    found = re.search(rf"^\s*{name}\s+(?:0x\w+\s+){{5}}([RWE ]{{3}})", run("readelf", "-lW", binary), re.M)
    return found and found[1].replace(" ", "")


def imports(binary):
    return {line.split()[-1].partition("@")[0] for line in run("nm", "-D", "--undefined-only", binary).splitlines()}


def properties(path):
    found = re.search(r"(?:x86|AArch64) feature: (.*)", run("readelf", "-n", path))
    return set(found[1].split(", ")) if found else set()


def code(binary):
    return run("objdump", "-d", "--no-show-raw-insn", binary)


def function(text, name):
    found = re.search(rf"^[0-9a-f]+ <{name}>:\n((?:.+\n)+)", text, re.M)
    assert found, f"no {name} in the binary"
    return found[1]


def test_it_is_loaded_at_an_address_nobody_knows(binary):
    assert "DYN (Position-Independent Executable file)" in run("readelf", "-h", binary)


def test_what_is_bound_at_the_start_cannot_be_written_afterwards(binary):
    assert segment(binary, "GNU_RELRO") == "R"
    assert "NOW" in re.search(r"FLAGS_1\)\s+Flags: (.*)", run("readelf", "-d", binary))[1].split()


def test_the_stack_and_data_cannot_be_run(binary):
    assert segment(binary, "GNU_STACK") == "RW"
    loads = re.findall(r"^\s*LOAD\s+(?:0x\w+\s+){5}([RWE ]{3})", run("readelf", "-lW", binary), re.M)
    assert loads and not [flags for flags in loads if "W" in flags and "E" in flags]


def test_a_stack_written_past_its_end_stops_the_program(binary):
    assert "__stack_chk_fail" in imports(binary)
    callers = code(binary).count("__stack_chk_fail")
    assert callers > 100, f"only {callers} places check their stack"


def test_functions_of_libc_check_the_room_they_are_given(binary):
    names = imports(binary)
    assert {"__memcpy_chk", "__snprintf_chk", "__vsnprintf_chk"} <= names
    # The sizes of what these write to are not known everywhere; those that write to a stream have no excuse.
    assert not {"printf", "fprintf", "vfprintf"} & names


def commands(binary):
    """One compiler call per source, with its last word on each macro."""
    build = binary.parent
    lines = [line for line in run("ninja", "-C", build, "-t", "commands", "crier").splitlines() if " -c " in line]
    assert len(lines) > 100
    return lines


def test_every_source_is_compiled_with_all_of_it(binary):
    for line in commands(binary):
        assert re.findall(r"-D_FORTIFY_SOURCE=(\d)", line)[-1:] == ["3"], line
        for flag in ("-fstack-protector-strong", "-fstack-clash-protection", "-Werror=format-security", "-O2"):
            assert flag in line.split(), f"{flag} is missing: {line}"


def test_large_frames_touch_every_page(binary):
    """-fstack-clash-protection: a frame larger than a page cannot jump over the guard."""
    probe = {"x86_64": r"orq\s+\$0x0,\(%rsp\)", "aarch64": r"str\s+xzr, \[sp, #1024\]"}[MACHINE]
    assert re.search(probe, code(binary))


def test_branches_and_returns_are_marked_for_the_processor(binary):
    """In every object of ours; cmake/harden.cmake says why the binary has only a part of it."""
    marks, of_binary, first = {"x86_64": ({"IBT", "SHSTK"}, {"SHSTK"}, "endbr64"),
                               "aarch64": ({"BTI", "PAC"}, set(), "")}[MACHINE]
    objects = list(binary.parent.rglob("crier_*.dir/*.c.o"))
    assert len(objects) > 100
    assert not [o for o in objects if not marks <= properties(o)]
    assert of_binary <= properties(binary)
    assert first in function(code(binary), "main").split("\n")[0]


def test_debug_information_stays_in_the_build_and_out_of_the_system(binary, installed):
    assert ".debug_info" in run("readelf", "-SW", binary)
    shipped = installed / "usr/bin/crier"
    assert ".debug_info" not in run("readelf", "-SW", shipped) and ".symtab" not in run("readelf", "-SW", shipped)
    assert segment(shipped, "GNU_RELRO") == "R" and segment(shipped, "GNU_STACK") == "RW"
