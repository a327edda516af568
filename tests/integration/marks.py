"""Marks of tests; apart from harness.py, which is used where there is no pytest."""

import os

import pytest
from harness import TSAN

# Sweeps of crashes: about the order of writes, which is one thread's; verbs, which have one; what is said of a secret.
# CRIER_SWEEP=all tries them under the thread sanitizer as well.
ONE_THREAD = pytest.mark.skipif(TSAN and os.environ.get("CRIER_SWEEP") != "all",
                                reason="what it tries is one thread's")
