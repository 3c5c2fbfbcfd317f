"""`ds2kit decode` from the outside: what it prints and leaves, and how it is interrupted."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ds2kit import model_folder
from ds2kit.data.index import Index
from ds2kit.data.reading import read_payloads
from ds2kit.data.shards import write_split
from ds2kit.registry import Toolkit
from ds2kit.types import Utterance

Command = Callable[..., Any]

COMMAND = "from ds2kit.cli.main import main; main()"

PATIENCE = 120.0
"""Seconds after which a process is taken for hung."""


def texts(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_prints_where_the_hypotheses_are(
    ds2kit: Command, experiment: Path, tiny_data: Path
) -> None:
    ran = ds2kit("decode", experiment, "test")

    hypotheses = experiment / "decode" / "test" / "greedy" / "hypotheses.jsonl"
    assert (ran.status, ran.out) == (0, f"{hypotheses}\n")
    assert re.fullmatch(r"\d+ s of audio, \d+ h of audio an hour\n", ran.err)
    assert texts(hypotheses) == Index.load(tiny_data / "test").texts


def test_a_second_time_there_is_nothing_to_do(ds2kit: Command, experiment: Path) -> None:
    first = ds2kit("decode", experiment, "test")
    written = Path(first.out.strip()).stat().st_mtime_ns

    again = ds2kit("decode", experiment, "test", "data.workers=1", "data.seconds_per_step=9")

    assert (again.status, again.out) == (0, first.out)
    assert again.err == "test was decoded already\n"
    assert Path(first.out.strip()).stat().st_mtime_ns == written


def test_results_have_a_name(ds2kit: Command, experiment: Path) -> None:
    ran = ds2kit("decode", experiment, "test", "--name", "mine")

    folder = experiment / "decode" / "test" / "mine"
    assert (ran.status, ran.out) == (0, f"{folder / 'hypotheses.jsonl'}\n")
    assert ds2kit("score", experiment, "test", "--decoder", "mine").status == 0
    for wrong in ("a/b", "..", "log_probs"):
        refused = ds2kit("decode", experiment, "test", "--name", wrong)
        assert refused.status == 1
        assert (
            refused.err
            == f"ds2kit: --name {wrong} is none for results; expected one such as tuned\n"
        )


def test_its_hypotheses_can_be_scored(ds2kit: Command, experiment: Path) -> None:
    ds2kit("decode", experiment, "dev")

    scored = json.loads(ds2kit("score", experiment, "dev", "--json").out)

    assert (scored["utterances"], scored["wer"]["errors"]) == (9, 0)


def test_a_model_folder_is_told_where_the_speech_is(
    ds2kit: Command, experiment: Path, tiny_data: Path
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
    ds2kit: Command, experiment: Path, tiny_data: Path, tmp_path: Path
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


def interrupted(arguments: list[object], folder: Path) -> int:
    """How many lines are left by a decode that is stopped by Ctrl-C as soon as there are any."""
    partial = folder / "hypotheses.partial.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, arguments)],
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
    assert err.strip().splitlines()[-1] == "stopped; run the same command again to go on"
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):  # no child is left
        os.killpg(process.pid, 0)
    assert sorted(path.name for path in folder.iterdir()) == [partial.name, "settings.json"]
    return partial.read_bytes().count(b"\n")


def test_ctrl_c_ends_with_130_and_is_gone_on_from(
    ds2kit: Command, experiment: Path, long_split: Path
) -> None:
    arguments = ["decode", experiment, "test", f"corpus.data={long_split}"]
    folder = experiment / "decode" / "test" / "greedy"

    done = interrupted([*arguments, "data.seconds_per_step=0.1", "data.workers=2"], folder)

    assert 0 < done < 720

    ran = ds2kit(*arguments, "data.seconds_per_step=60")

    assert ran.status == 0
    assert texts(folder / "hypotheses.jsonl") == Index.load(long_split / "test").texts
    assert sorted(p.name for p in folder.iterdir()) == ["hypotheses.jsonl", "settings.json"]


def test_any_number_of_workers_and_any_batches_give_the_same(
    ds2kit: Command, experiment: Path, toy: list[str]
) -> None:
    folder = experiment / "decode" / "test" / "rescoring"
    found = []
    for settings in (
        ["--workers", "0"],
        ["--workers", "1", "data.seconds_per_step=0.1"],
        ["--workers", "3", "data.seconds_per_step=1.3", "data.workers=2"],
        ["data.seconds_per_step=1000"],
    ):
        ran = ds2kit("decode", experiment, "test", *toy, *settings)
        assert ran.status == 0, ran.err
        found.append(texts(folder / "hypotheses.jsonl"))
        shutil.rmtree(folder)

    assert found == [found[0]] * 4
    assert any(found[0])


def test_the_scores_of_all_hypotheses_are_kept(
    ds2kit: Command, experiment: Path, toy: list[str]
) -> None:
    ran = ds2kit("decode", experiment, "test", *toy, "decoder.lm_weight=0.5")

    for line in Path(ran.out.strip()).read_text(encoding="utf-8").splitlines():
        hypothesis = json.loads(line)
        assert hypothesis["n_best"][0]["text"] == hypothesis["text"]
        for one in hypothesis["n_best"]:
            expected = one["acoustic_score"] + 0.5 * one["language_score"]
            assert one["score"] == pytest.approx(expected)


def test_log_probabilities_are_kept_and_used(
    ds2kit: Command, experiment: Path, toy: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = ds2kit("decode", experiment, "test", "--save-log-probs")
    kept = experiment / "decode" / "test" / "log_probs"
    without = experiment / "decode" / "test" / "greedy"
    fresh = (without / "hypotheses.jsonl").read_bytes()
    shutil.rmtree(without)
    monkeypatch.setattr(
        "ds2kit.model_folder.load", lambda *_: pytest.fail("the network was loaded")
    )

    again = ds2kit("decode", experiment, "test", "--save-log-probs")
    other = ds2kit("decode", experiment, "test", *toy, "--workers", "2")

    assert expected.status == again.status == other.status == 0
    assert again.err.startswith(f"log-probabilities from {kept}; the network is not run\n")
    assert (without / "hypotheses.jsonl").read_bytes() == fresh
    assert len(texts(experiment / "decode" / "test" / "rescoring" / "hypotheses.jsonl")) == 12
    # Scoring takes no notice of them.
    assert ds2kit("score", experiment, "test", "--decoder", "greedy").status == 0


def test_log_probabilities_of_another_model_are_not_used(ds2kit: Command, experiment: Path) -> None:
    ds2kit("decode", experiment, "test", "--save-log-probs")
    shutil.rmtree(experiment / "decode" / "test" / "greedy")
    weights = experiment / "model" / model_folder.WEIGHTS
    model, _ = model_folder.load(experiment / "model", Toolkit.installed())
    with torch.no_grad():
        model.output.bias[0] += 0.01
    model_folder.save_weights(weights, model)

    stale = ds2kit("decode", experiment, "test")
    shutil.rmtree(experiment / "decode" / "test" / "greedy")
    anew = ds2kit("decode", experiment, "test", "--save-log-probs")
    shutil.rmtree(experiment / "decode" / "test" / "greedy")
    used = ds2kit("decode", experiment, "test")

    assert "log_probs is of another model; not used" in stale.err
    assert stale.status == anew.status == used.status == 0
    assert "the network is not run" not in anew.err
    assert "the network is not run" in used.err


def test_another_language_model_under_the_same_path_is_refused(
    ds2kit: Command, experiment: Path, toy: list[str], tmp_path: Path
) -> None:
    assert ds2kit("decode", experiment, "test", *toy).status == 0
    assert "already" in ds2kit("decode", experiment, "test", *toy).err
    (tmp_path / "lm.toy").write_text("a\t0.5\n</s>\t0.5\n")

    ran = ds2kit("decode", experiment, "test", *toy)

    assert ran.status == 1
    assert "was begun with other settings; remove it to decode anew: decoder:" in ran.err


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_cannot_be_decoded_is_one_line(
    ds2kit: Command,
    experiment: Path,
    tiny_data: Path,
    toy: list[str],
    monkeypatch: pytest.MonkeyPatch,
    workers: str,
) -> None:
    index = Index.load(tiny_data / "test")
    monkeypatch.setenv("DS2KIT_TOY_FAILS_ON", index.texts[4])

    ran = ds2kit("decode", experiment, "test", *toy, "--workers", workers)

    same = [
        key for key, text in zip(index.keys, index.texts, strict=True) if text == index.texts[4]
    ]
    assert ran.status == 1
    assert any(
        ran.err == f"ds2kit: utterance {key!r}: it could not be decoded "
        f"(ValueError: {index.texts[4]} is not to be decoded)\n"
        for key in same
    )
    monkeypatch.delenv("DS2KIT_TOY_FAILS_ON")
    assert ds2kit("decode", experiment, "test", *toy, "--workers", workers).status == 0


def test_a_killed_worker_is_one_line(
    ds2kit: Command,
    experiment: Path,
    tiny_data: Path,
    toy: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DS2KIT_TOY_IS_KILLED_ON", Index.load(tiny_data / "test").texts[4])

    ran = ds2kit("decode", experiment, "test", *toy, "--workers", "2")

    assert ran.status == 1
    assert ran.err.startswith("ds2kit: utterance 'test/")
    assert "was killed, as happens when memory runs out; lower --workers" in ran.err
    assert ran.err.count("\n") == 1


def test_ctrl_c_with_searching_processes(
    ds2kit: Command,
    experiment: Path,
    long_split: Path,
    toy: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = ["decode", experiment, "test", f"corpus.data={long_split}", *toy]
    folder = experiment / "decode" / "test" / "rescoring"
    monkeypatch.setenv("DS2KIT_TOY_SECONDS", "0.05")

    done = interrupted([*arguments, "--workers", "3", "data.workers=1"], folder)

    assert 0 < done < 720
    monkeypatch.delenv("DS2KIT_TOY_SECONDS")
    ran = ds2kit(*arguments)
    assert ran.status == 0
    keys = [
        json.loads(line)["key"]
        for line in (folder / "hypotheses.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert keys == Index.load(long_split / "test").keys
