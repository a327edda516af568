"""Fixtures: the fake platforms (one process for all tests, reset for each), instances of the real
binary ($CRIER, default build/asan/crier) that must end cleanly, and the clock of both."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "support")]

import harness  # noqa: E402
import mail_peer  # noqa: E402


def pytest_report_header():
    return f"crier: {harness.CRIER}"


def pytest_configure():
    if not harness.CRIER.exists():
        pytest.exit(f"{harness.CRIER} is not there; build it, or name one with CRIER=…", 3)


@pytest.fixture(scope="session")
def all_platforms():
    platform = harness.Platform()
    yield platform
    platform.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return mail_peer.Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def platform(all_platforms):
    all_platforms.control("reset")
    all_platforms.control("secret", hook="partner", secret=harness.PARTNER_SECRET)
    return all_platforms


@pytest.fixture
def make_crier(platform, tmp_path):
    """make_crier(change=None, environment=None, start=True): an instance. change(settings) edits the
    settings before they are written."""
    made = []

    def make(change=None, environment=None, start=True):
        folder = tmp_path / f"crier{len(made)}"
        folder.mkdir()
        settings = harness.default_settings(platform)
        if change:
            change(settings)
        crier = harness.Crier(folder, settings, environment)
        made.append(crier)
        return crier.start() if start else crier

    yield make
    platform.no_faults()
    for crier in made:
        if crier.process is not None:
            crier.stop()


@pytest.fixture
def crier(make_crier):
    return make_crier()


class Clock:
    def __init__(self, platform):
        self.platform = platform

    def advance(self, crier, text):
        unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]
        self.platform.control("clock", advance_s=int(text[:-1]) * unit)
        status, body, _ = crier.call("POST", "/test/clock", {"advance": text}, check=False)
        assert status == 200, body

    def set_back(self, crier, text):
        """Somebody sets the clock of crier's machine."""
        status, body, _ = crier.call("POST", "/test/clock", {"step_back": text}, check=False)
        assert status == 200, body


@pytest.fixture
def clock(platform):
    return Clock(platform)


@pytest.fixture
def article(platform):
    """article(name="breaking-article", **changes): a fixture whose pictures can be fetched."""
    return lambda name="breaking-article", **changes: harness.load_article(name, platform, **changes)
