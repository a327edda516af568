"""What `cmake --install` places, and what systemd thinks of the units. systemd need not run for that."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import TOP

UNIT = TOP / "packaging/systemd/crier.service"


def analyze(*words, check=True):
    answer = subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True, check=False,
                            env=dict(os.environ, SYSTEMD_COLORS="0", SYSTEMD_PAGER="", SYSTEMD_LOG_TARGET="console"))
    assert not check or answer.returncode == 0, answer.stdout + answer.stderr
    return answer


def settings_of(unit):
    """key: list of values, as they stand there."""
    found = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.M):
        found.setdefault(key, []).append(value)
    return found


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text)[1])


def test_the_files_lie_where_systemd_and_people_look(installed):
    files = {str(p.relative_to(installed)): p.stat().st_mode & 0o777 for p in installed.rglob("*") if p.is_file()}
    assert files == {
        "usr/bin/crier": 0o755,
        "usr/lib/systemd/system/crier.service": 0o644,
        "usr/lib/systemd/system/crier.socket": 0o644,
        "usr/lib/sysusers.d/crier.conf": 0o644,
        "usr/share/doc/crier/example.yaml": 0o644,
        "usr/share/doc/crier/README.md": 0o644,
        "usr/share/doc/crier/LICENSE": 0o644,
    }
    assert (installed / "usr/share/doc/crier/example.yaml").read_text() == (TOP / "config/example.yaml").read_text()


def test_the_installed_program_runs(installed):
    answer = subprocess.run([installed / "usr/bin/crier", "version"], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("crier ")


@pytest.mark.parametrize("name", ["crier.service", "crier.socket"])
def test_systemd_finds_nothing_wrong_with_the_units(name, tmp_path, binary):
    """With the path that ExecStart= has once it is installed, which here nobody may write to."""
    for unit in UNIT.parent.glob("crier.*"):
        text = unit.read_text()
        assert unit != UNIT or "\nExecStart=crier -c " in text
        (tmp_path / unit.name).write_text(text.replace("\nExecStart=crier ", f"\nExecStart={binary} "))
    answer = analyze("verify", "--man=no", tmp_path / name)
    said = [line for line in answer.stderr.splitlines() if "crier" in line]
    assert said == [], answer.stderr


def exposure():
    last = analyze("security", "--offline=true", UNIT).stdout.strip().splitlines()[-1]
    return re.search(r"Overall exposure level for crier\.service: ([0-9.]+)", last)[1]


def test_the_service_is_exposed_no_more_than_the_readme_says():
    told = re.search(r"`systemd-analyze security`[^.]*?\b(\d+\.\d)\b", (TOP / "README.md").read_text())[1]
    assert exposure() == told
    assert float(told) <= 1.2


def test_the_unit_leaves_time_for_what_the_settings_allow():
    """server.drain's default, and the 5 s that service/serve.c gives the last answers."""
    drain = re.search(r"\| `server\.drain` \|[^|]*\| `(\d+s)` \|", (TOP / "README.md").read_text())[1]
    idle = int(re.search(r"#define IDLE_MAX_MS (\d+)", (TOP / "service/serve.c").read_text())[1]) // 1000
    assert seconds(settings_of(UNIT)["TimeoutStopSec"][0]) >= seconds(drain) + idle + 10


def test_the_user_of_the_unit_is_the_one_that_is_made():
    user, = settings_of(UNIT)["User"]
    lines = [line.split() for line in (TOP / "packaging/sysusers.d/crier.conf").read_text().splitlines()
             if line and not line.startswith("#")]
    assert [line[:2] for line in lines] == [["u", user]]
    state, = settings_of(UNIT)["StateDirectory"]
    assert lines[0][-1] == f"/var/lib/{state}" and settings_of(UNIT)["StateDirectoryMode"] == ["0700"]


def test_systemd_makes_that_user(tmp_path):
    (tmp_path / "etc").mkdir()
    subprocess.run([shutil.which("systemd-sysusers"), f"--root={tmp_path}", TOP / "packaging/sysusers.d/crier.conf"],
                   check=True, capture_output=True)
    row = next(line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith("crier:"))
    assert row.endswith(":/var/lib/crier:/usr/sbin/nologin")


def test_the_socket_listens_where_the_settings_say_by_default():
    listen, = settings_of(UNIT.with_name("crier.socket"))["ListenStream"]
    assert f"| `server.listen` | string, 1 to 200 | `{listen}` |" in (TOP / "README.md").read_text()
