"""The program behind the unit's filter of system calls, which here is applied without systemd: what the sets of
SystemCallFilter= hold is asked of systemd-analyze. The child that makes pictures smaller limits itself and
loads a large library, so it needs more than the rest of the program."""

import errno
import io
import subprocess

import pytest
import seccomp
from PIL import Image
from test_install import UNIT, analyze, settings_of

PROT_WRITE, PROT_EXEC = 2, 4


def calls(words):
    """The names in a value of SystemCallFilter=, its sets resolved."""
    found, todo = set(), list(words)
    while todo:
        word = todo.pop()
        if word.startswith("@"):
            lines = [line.strip() for line in analyze("syscall-filter", word).stdout.splitlines()[1:]]
            todo += [line for line in lines if line and not line.startswith("#")]
        else:
            found.add(word)
    return found


def allowed(unit):
    """As systemd.exec(5) says: later lines add to, or with ~ take from, what the first one allows."""
    names = set()
    for value in settings_of(unit)["SystemCallFilter"]:
        change = calls(value.removeprefix("~").split())
        names = names - change if value.startswith("~") else names | change
    # "execve, exit, exit_group, getrlimit, rt_sigreturn, sigreturn and the calls for asking time and sleeping
    # are implicitly allowed"
    return names | calls(["@default"]) | {"execve"}


def confine(names):
    """Runs in the child, between fork and exec."""
    listed = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in sorted(names):
        try:
            listed.add_rule(seccomp.ALLOW, name)
        except (RuntimeError, ValueError, OSError):
            pass  # of another architecture
    # MemoryDenyWriteExecute=
    memory = seccomp.SyscallFilter(seccomp.ALLOW)
    both = PROT_WRITE | PROT_EXEC
    memory.add_rule(seccomp.ERRNO(errno.EPERM), "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, both, both))
    memory.add_rule(seccomp.ERRNO(errno.EPERM), "mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, PROT_EXEC))
    memory.load()
    listed.load()


@pytest.fixture(scope="module")
def run(binary):
    names = allowed(UNIT)
    assert len(names) > 200 and "mount" not in names
    return lambda *words, **more: subprocess.run([binary, *words], capture_output=True, check=False, timeout=60,
                                                 preexec_fn=lambda: confine(names), **more)


def test_a_picture_is_made_smaller_behind_the_units_filter(run):
    photograph = io.BytesIO()
    Image.effect_noise((3000, 2000), 60).convert("RGB").save(photograph, "JPEG", quality=95, progressive=True)
    answer = run("resize", "--max-bytes=500000", input=photograph.getvalue())
    assert answer.returncode == 0, answer.stderr.decode()
    assert Image.open(io.BytesIO(answer.stdout)).format == "JPEG" and len(answer.stdout) <= 500000


def test_the_filter_is_what_is_tested(binary):
    """Without a call that the child needs it says so, and makes nothing."""
    names = allowed(UNIT) - {"prlimit64"}
    answer = subprocess.run([binary, "resize"], capture_output=True, check=False, timeout=60, input=b"",
                            preexec_fn=lambda: confine(names))
    assert answer.returncode == 1 and b"limit of memory" in answer.stderr
