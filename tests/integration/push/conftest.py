"""Real browsers, the site they look at, and what stands behind it: a door of the tests' own, or the real crier and a
stand-in for Mozilla's push server. CRIER_PICTURES=FOLDER keeps pictures of what readers see."""

import os
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).resolve().parents[2] / "support"
sys.path[:0] = [str(SUPPORT / "push"), str(SUPPORT / "cms")]

import newsroom  # noqa: E402


@pytest.fixture
def picture():
    """picture(browser, name): kept where somebody wants to look."""
    folder = os.environ.get("CRIER_PICTURES")
    return lambda browser, name: folder and browser.picture(Path(folder) / f"{name}.png")


@pytest.fixture(scope="module")
def door():
    made = newsroom.Door()
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(door):
    made = newsroom.Site(door.url, "127.0.0.1")
    yield made
    made.close()
