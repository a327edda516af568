"""Tests of what is shipped: the release binary ($CRIER, default build/release/crier), what `cmake --install`
places, and the units."""

import os
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
CRIER = Path(os.environ.get("CRIER", TOP / "build" / "release" / "crier")).resolve()


@pytest.fixture(scope="session")
def binary():
    assert CRIER.exists(), f"{CRIER} is not there; ./dev build makes it"
    return CRIER


@pytest.fixture(scope="session")
def installed(binary, tmp_path_factory):
    """A folder in the place of /, with everything below /usr."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["cmake", "--install", binary.parent, "--prefix", "/usr", "--strip"], check=True,
                   env=dict(os.environ, DESTDIR=str(root)), capture_output=True)
    return root
