"""`ds2kit prepare` from the outside: what it prints, its status, what it leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RECIPE = """
import time
import numpy as np
from ds2kit.audio.write import wav
from ds2kit.types import Utterance

def splits(*, slow: bool = False, broken: bool = False):
    def utterances():
        for i in range(200 if slow else 3):
            if slow:
                time.sleep(0.1)
            audio = b"" if broken and i == 1 else wav(np.linspace(-0.5, 0.5, 4000), 8000)
            yield Utterance(f"k{i}", audio, "text", "s")
    return {"train": utterances()}
"""

COMMAND = [sys.executable, "-c", "from ds2kit.cli.main import main; main()", "prepare"]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "prepare.py"
    path.write_text(RECIPE)
    return path


def prepare(recipe: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, recipe, recipe.parent / "data", *arguments], capture_output=True, text=True
    )


def test_prints_what_each_split_holds(recipe: Path) -> None:
    first, again = prepare(recipe), prepare(recipe)

    assert first.returncode == 0, first.stderr
    assert first.stdout == "train: 3 utterances, 0.00 h, 1 speakers\n"
    assert again.stdout == "train: 3 utterances, 0.00 h, 1 speakers (was there already)\n"
    assert not first.stderr


def test_bad_utterances_are_one_line_or_left_out(recipe: Path) -> None:
    refused = prepare(recipe, "broken=true")
    skipped = prepare(recipe, "broken=true", "--on-bad", "skip")

    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert "utterance 'k1': its audio is empty" in refused.stderr
    assert skipped.returncode == 0
    assert skipped.stdout == "train: 2 utterances, 0.00 h, 1 speakers, 1 bad ones left out\n"
    assert "utterance 'k1'" in skipped.stderr


def test_parts_and_join(recipe: Path) -> None:
    for part in ("1/2", "2/2"):
        assert prepare(recipe, "--part", part).stdout.startswith(f"train, part {part}: ")
    joined = prepare(recipe, "--join")

    assert joined.stdout == "train: 3 utterances, 0.00 h, 1 speakers\n"
    assert prepare(recipe, "--join", "--part", "1/2").returncode == 1


def test_interrupting_leaves_nothing_behind(recipe: Path) -> None:
    data = recipe.parent / "data"
    running = subprocess.Popen(
        [*COMMAND, recipe, data, "slow=true"], stderr=subprocess.PIPE, text=True
    )
    while not list(data.glob(".train.*/spool")):
        assert running.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)

    os.kill(running.pid, signal.SIGINT)

    assert running.wait(20) == 130
    assert not list(data.iterdir())
