"""A plugin of somebody outside passes the contract kit unchanged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ds2kit

ROOT = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("DS2KIT_CORPORA", ROOT.parent / "shared" / "corpora"))
EXAMPLE = CORPORA.parent / "example" / "ds2kit-timedelay"
IMPORTED = str(Path(ds2kit.__file__).parents[1])
"""Where the ds2kit lies that is tested: the checkout, or the wheel."""


def test_the_example_plugin_passes_unchanged(tmp_path: Path) -> None:
    if not EXAMPLE.is_dir():
        pytest.skip(f"{EXAMPLE} is not there")
    example = EXAMPLE.resolve()
    # Everything that pytest and hypothesis write lands in the temporary folder.
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(example / "src"), IMPORTED]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "hypothesis"),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ended = subprocess.run(
        [*command, str(example / "tests")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "22 passed" in ended.stdout


BROKEN = """
import pytest
import torch
from ds2kit.components import Encoder
from ds2kit.testing import EncoderContract
from ds2kit.types import Padded


class Shifts(Encoder):
    input_size = output_size = 3

    def __init__(self, input_size):
        super().__init__()

    def forward(self, frames):
        return Padded(frames.values.roll(-1, dims=1), frames.lengths)


class TestShifts(EncoderContract):
    @pytest.fixture
    def encoder(self):
        return Shifts(3)


class TestForgotten(EncoderContract):
    pass
"""


def test_a_broken_plugin_sees_its_fault_named(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text(BROKEN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"]
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": IMPORTED},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "FAILED test_broken.py::TestShifts::test_padding_in_evaluation" in ended.stdout
    assert "something reads padding; clear it with frames.cleared()" in ended.stdout
    assert "test_broken.py::TestShifts::test_declares_its_sizes" not in ended.stdout
    assert "give the contract your encoder: define the fixture `encoder`" in ended.stdout
