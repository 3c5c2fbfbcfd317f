"""What a process asks of the system before torch is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FAULTS = """
import resource
import sys
from ds2kit.cli import process
if sys.argv[1] == "prepared":
    process.prepare()
import numpy as np
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step():
    return [np.ones(20_000_000 // 8) for _ in range(5)]
for _ in range(3):
    step()
before = faults()
for _ in range(5):
    step()
print(faults() - before)
"""


def run(code: str, *arguments: str, **environment: str) -> str:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MALLOC_", "OMP_", "GOMP_"))
    }
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_freed_memory_is_kept() -> None:
    """A page that is given back and taken anew costs a fault; 100 MB are 25,000 pages."""
    as_it_is, prepared = int(run(FAULTS, "as it is")), int(run(FAULTS, "prepared"))
    assert prepared < 500 < 5_000 < as_it_is


def test_what_the_environment_says_stays() -> None:
    code = (
        "import os; from ds2kit.cli import process; process.prepare();"
        "print(os.environ['OMP_WAIT_POLICY'], os.environ['GOMP_SPINCOUNT'])"
    )
    assert run(code) == "passive 30000"
    assert run(code, OMP_WAIT_POLICY="active", GOMP_SPINCOUNT="7") == "active 7"


def test_torch_is_not_loaded() -> None:
    code = (
        "import sys; from ds2kit.cli import process; process.prepare(); print(sys.modules.keys())"
    )
    assert "'torch'" not in run(code)
