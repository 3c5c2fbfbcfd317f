"""The ten commands of docs/decoding.md, one after another, on a small quickstart."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

SECTION = "## From a text file to a better error rate"

SMALL = ["trainer.epochs=3", "encoder.width=96", "encoder.layers=2"]
"""Enough to hear some words; the page's own model is heard better."""

pytestmark = pytest.mark.slow


def commands() -> list[str]:
    page = (ROOT / "docs" / "decoding.md").read_text(encoding="utf-8")
    section = page.split(SECTION)[1].split("\n## ")[0]
    return re.findall(r"^    (.+)$", section, re.MULTILINE)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe's folder after a run with little speech and a small model."""
    pytest.importorskip("espeakng_loader", reason="the quickstart's own requirement")
    folder = tmp_path_factory.mktemp("recipes") / "quickstart"
    shutil.copytree(ROOT / "recipes" / "quickstart", folder, ignore=shutil.ignore_patterns("work"))
    counts = ["train=800", "dev=60", "test=60"]
    run(folder, f"ds2kit prepare prepare.py work/english language=english {' '.join(counts)}")
    run(folder, f"ds2kit train english.yaml work/english-model {' '.join(SMALL)}")
    return folder


def run(folder: Path, command: str) -> str:
    """What a command of the page prints, with the `ds2kit` and the `python` of the tests."""
    bin_folder = folder.parent / "bin"
    if not bin_folder.exists():
        bin_folder.mkdir()
        code = "from ds2kit.cli.main import main; main()"
        for name, begin in (("python", ""), ("ds2kit", f'-c "{code}"')):
            script = bin_folder / name
            script.write_text(f'#!/bin/sh\nexec {sys.executable} {begin} "$@"\n')
            script.chmod(0o755)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_there_are_ten() -> None:
    assert len(commands()) == 10
    assert sum(command.startswith("ds2kit ") for command in commands()) == 9


def test_they_end_in_a_better_error_rate(quickstart: Path) -> None:
    for command in commands():
        run(quickstart, command)

    decoded = quickstart / "work" / "english-model" / "decode" / "test"
    greedy, tuned = (
        json.loads((decoded / name / "score.json").read_text())["wer"]["rate"]
        for name in ("greedy", "tuned")
    )
    assert tuned < 0.9 * greedy
