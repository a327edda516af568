"""One real WordPress for all tests of a worker, and listeners in crier's place."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support" / "cms"))

import listener  # noqa: E402
import wordpress as rig  # noqa: E402


@pytest.fixture(scope="session")
def site():
    made = rig.WordPress()
    yield made
    made.close()


@pytest.fixture
def wordpress(site):
    """The site without settings, events and complaints of PHP; afterwards there are still none of the latter."""
    site.reset()
    yield site
    assert site.complaints() == []


@pytest.fixture
def listen(wordpress):
    """listen(): something that stands where crier should, and the site's settings say so."""
    made = []

    def begin(**settings):
        there = listener.Listener()
        made.append(there)
        wordpress.configure(url=there.url, **settings)
        return there

    yield begin
    for there in made:
        there.close()
