"""`ds2kit decode` from the outside: what it prints and leaves, and how it is interrupted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ds2kit.data.index import Index
from ds2kit.data.reading import read_payloads
from ds2kit.data.shards import write_split
from ds2kit.types import Utterance

COMMAND = "from ds2kit.cli.main import main; main()"

PATIENCE = 120.0
"""Seconds after which a process is taken for hung."""


def texts(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_prints_where_the_hypotheses_are(
    ds2kit: Callable[..., Any], experiment: Path, tiny_data: Path
) -> None:
    ran = ds2kit("decode", experiment, "test")

    hypotheses = experiment / "decode" / "test" / "greedy" / "hypotheses.jsonl"
    assert (ran.status, ran.out) == (0, f"{hypotheses}\n")
    assert "s of audio a second" in ran.err
    assert texts(hypotheses) == Index.load(tiny_data / "test").texts


def test_a_second_time_there_is_nothing_to_do(ds2kit: Callable[..., Any], experiment: Path) -> None:
    first = ds2kit("decode", experiment, "test")
    written = Path(first.out.strip()).stat().st_mtime_ns

    again = ds2kit("decode", experiment, "test", "data.workers=1", "data.seconds_per_step=9")

    assert (again.status, again.out) == (0, first.out)
    assert again.err == "test was decoded already\n"
    assert Path(first.out.strip()).stat().st_mtime_ns == written


def test_its_hypotheses_can_be_scored(ds2kit: Callable[..., Any], experiment: Path) -> None:
    ds2kit("decode", experiment, "dev")

    scored = json.loads(ds2kit("score", experiment, "dev", "--json").out)

    assert (scored["utterances"], scored["wer"]["errors"]) == (9, 0)


def test_a_model_folder_is_told_where_the_speech_is(
    ds2kit: Callable[..., Any], experiment: Path, tiny_data: Path
) -> None:
    model = experiment / "model"

    told, missing = (
        ds2kit("decode", model, "test", f"corpus.data={tiny_data}"),
        ds2kit("decode", model, "dev"),
    )

    assert told.out == f"{model}/decode/test/greedy/hypotheses.jsonl\n"
    assert missing.status == 1
    assert "corpus.data=FOLDER" in missing.err


def test_moved_speech_is_the_same_speech(
    ds2kit: Callable[..., Any], experiment: Path, tiny_data: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(tiny_data, tmp_path / "moved")
    ds2kit("decode", experiment, "test")

    again = ds2kit("decode", experiment, "test", f"corpus.data={moved}")

    assert again.status == 0
    assert "already" in again.err
    assert ds2kit("score", experiment, "test").status == 0


@pytest.fixture
def long_split(tiny_data: Path, tmp_path: Path) -> Path:
    """The test split many times over, in a folder of data of its own."""
    index = Index.load(tiny_data / "test")
    rows = [index.row(i) for i in range(len(index))]
    payloads = read_payloads([(index.folder, row) for row in rows], most_reads=1)
    write_split(
        tmp_path / "long" / "test",
        (
            Utterance(f"{turn}/{row.key}", audio, row.text)
            for turn in range(60)
            for row, audio in zip(rows, payloads, strict=True)
        ),
        made_from={},
    )
    return tmp_path / "long"


def test_ctrl_c_ends_with_130_and_is_gone_on_from(
    ds2kit: Callable[..., Any], experiment: Path, long_split: Path
) -> None:
    arguments = ["decode", experiment, "test", f"corpus.data={long_split}"]
    folder = experiment / "decode" / "test" / "greedy"
    partial = folder / "hypotheses.partial.jsonl"
    slowly = ["data.seconds_per_step=0.1", "data.workers=2"]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, arguments), *slowly],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    begun = time.monotonic()
    while not (partial.exists() and partial.stat().st_size):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.005)

    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    out, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 130, err
    assert out == ""
    assert err.strip() == "stopped; run the same command again to go on"
    with pytest.raises(ProcessLookupError):  # no child is left
        os.killpg(process.pid, 0)
    assert sorted(path.name for path in folder.iterdir()) == [partial.name, "settings.json"]
    done = partial.read_bytes().count(b"\n")
    assert 0 < done < 720

    ran = ds2kit(*arguments, "data.seconds_per_step=60")

    assert ran.status == 0
    assert texts(folder / "hypotheses.jsonl") == Index.load(long_split / "test").texts
    assert sorted(p.name for p in folder.iterdir()) == ["hypotheses.jsonl", "settings.json"]
