"""What a process of ours asks of the system's libraries, before torch is imported."""

from __future__ import annotations

import ctypes
import os
import sys

SPINS = "30000"
"""How often a thread of torch's looks for more work before it sleeps: some tens of microseconds.
A step has hundreds of small operations; to be woken for each costs more than many take."""

KEPT_BYTES = 1 << 30
"""Freed memory that stays the process's own: a step allocates what the one before freed, and the
system takes its time over every page that it gives anew."""

HIGHEST_OF_OLD = 1 << 25
"""What older versions of glibc take."""

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""glibc's numbers, from malloc.h."""


def prepare() -> None:
    """Set what costs time by default; what the environment says already stays."""
    # Threads that wait for longer must sleep, or they take the cores from those that work (loader
    # workers, another training).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    # Its advice to programmers is not for who trains. Its errors are still heard.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if sys.platform == "linux" and not any(name.startswith("MALLOC_") for name in os.environ):
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's alone
        if mallopt is not None:
            mallopt(TRIM_THRESHOLD, KEPT_BYTES)
            mallopt(MMAP_THRESHOLD, KEPT_BYTES) or mallopt(MMAP_THRESHOLD, HIGHEST_OF_OLD)
