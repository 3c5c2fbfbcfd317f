"""A copy of the recipes to run, with a ds2kit that notes what it is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

RECIPES = Path(__file__).parents[2] / "recipes"
OPTIONS = ("NODES", "DEVICES", "LIBRISPEECH", "LM", "DS2KIT_CORPORA")
"""What whoever runs the tests may have set, for recipes of their own."""

SYLLABLES = ("pinyin_with_tones", "pinyin_without_tones")

Started = subprocess.CompletedProcess[str]

DS2KIT = """#!/bin/sh
# Stands for ds2kit: notes what it is asked for, and leaves what the table is made of.
echo "$*" >> "{notes}"
case $1 in
prepare)
    for split in train train_mp3 train_connected; do
        mkdir -p "$3/$split" && cp "{index}" "$3/$split/index.parquet"
    done ;;
train)
    mkdir -p "$3" && cp "{log}" "$3/log.jsonl" ;;
decode)
    case ${{4:-}} in decoder.name=*) decoder=${{4#*=}} ;; *) decoder=flashlight ;; esac
    mkdir -p "$2/decode/$3/$decoder" && touch "$2/decode/$3/$decoder/hypotheses.jsonl" ;;
lm | lexicon)
    while [ "$1" != --output ]; do shift; done
    touch "$2" ;;
score)
    case $* in *--pinyin*) score={syllables} ;; *) score={score} ;; esac
    scored=$2/decode/$3/${{5:-greedy}}
    mkdir -p "$scored" && cp "$score" "$scored/score.json" ;;
esac
"""


def _log(path: Path) -> Path:
    events = [{"event": "step", "audio_seconds": 9.0, "seconds": 9.0}]
    events += [{"event": "epoch", "audio_seconds": 400.0, "seconds": 4.0}] * 2
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def _score(path: Path, unit: str, *more: str) -> Path:
    names = ["wer", "cer_with_spaces", "cer_without_spaces", *more]
    rates = {
        name: {"rate": 0.01 * i, "low": 0.005 * i, "high": 0.02 * i}
        for i, name in enumerate(names, start=1)
    }
    path.write_text(json.dumps({"unit": unit} | rates))
    return path


def _index(path: Path) -> Path:
    pq.write_table(pa.table({"key": ["a", "b"], "text": ["it\u2019s", "and so on"]}), path)
    return path


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    """A copy of the recipes, so that nothing lands in the checkout."""
    copy = tmp_path / "recipes"
    for path in chain(RECIPES.glob("*.*"), RECIPES.glob("*/run.sh"), RECIPES.glob("*/*.py")):
        target = copy / path.relative_to(RECIPES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return copy


@pytest.fixture
def start(recipes: Path) -> Callable[..., Started]:
    """Runs RECIPE/run.sh ARGUMENTS... with that ds2kit on the PATH.

    unit: the language's; keywords are set in the environment
    """
    tools, notes = recipes.parent / "bin", recipes.parent / "notes"

    def started(
        recipe: str, *arguments: str, unit: str = "word", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        tools.mkdir(exist_ok=True)
        notes.unlink(missing_ok=True)
        folder = recipes.parent
        files = {
            "log": _log(folder / "log"),
            "score": _score(folder / "score", unit),
            "syllables": _score(folder / "syllables", unit, *SYLLABLES),
            "index": _index(folder / "index"),
        }
        _program(tools / "ds2kit", DS2KIT.format(notes=notes, **files))
        _program(tools / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        kept = {name: value for name, value in os.environ.items() if name not in OPTIONS}
        return subprocess.run(
            ["bash", str(recipes / recipe / "run.sh"), *arguments],
            env={**kept, "PATH": f"{tools}:{os.environ['PATH']}", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return started


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def run(recipes: Path, start: Callable[..., Started]) -> Callable[..., tuple[list[str], str]]:
    """The same where all goes well: the lines that ds2kit was asked, and what was printed."""

    def ran(recipe: str, *arguments: str, **more: str) -> tuple[list[str], str]:
        ended = start(recipe, *arguments, **more)
        assert ended.returncode == 0, ended.stderr
        return (recipes.parent / "notes").read_text().splitlines(), ended.stdout

    return ran
