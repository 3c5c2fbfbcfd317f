"""`ds2kit tune` from the outside: what it finds, keeps and says, and how it is interrupted."""

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

from ds2kit import config as configs
from ds2kit.registry import Toolkit

Command = Callable[..., Any]
Tone = Callable[..., Path]

COMMAND = "from ds2kit.cli.main import main; main()"
PATIENCE = 120.0


def journal(experiment: Path, split: str = "dev") -> list[dict[str, Any]]:
    """What was tried, without how long it took."""
    path = experiment / "tune" / split / "trials.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def test_the_best_is_kept_and_is_the_default(
    ds2kit: Command, blurred: Path, toy: list[str], tone: Tone
) -> None:
    ran = ds2kit("tune", blurred, "dev", *toy, "--trials", "6", "--json")

    assert ran.status == 0, ran.err
    found = json.loads(ran.out)
    assert found["best"]["rate"] < found["greedy"]["rate"]
    assert found["best"]["rate"] < found["zero"]["rate"]
    assert found["kept"] is True
    assert found["doubts"] == []
    assert "greedy: WER 40.00 %" in ran.err
    assert "the language model knows 100.0 % of 25 words that were said" in ran.err
    kept = configs.load(blurred / "model" / "config.yaml", Toolkit.installed()).decoder
    assert kept.name == "rescoring"
    assert {name: kept.options[name] for name in ("lm_weight", "word_score", "beam")} == {
        name: found["best"][name] for name in ("lm_weight", "word_score", "beam")
    }
    assert kept.options["language_model"].options["path"] == (
        blurred / "model" / "language_model.toy"
    )
    assert (blurred / "tune" / "dev" / "surface.png").read_bytes()[:4] == b"\x89PNG"
    card = (blurred / "model" / "card.md").read_text()
    assert re.search(
        r"Tuned on `dev` \(9 utterances\): rescoring search, lm_weight .*: WER 16\.00 % "
        r"\(greedy: WER 40\.00 %\)\.\n",
        card,
    )
    decoded = ds2kit("decode", blurred, "dev")
    assert decoded.out == f"{blurred}/decode/dev/rescoring/hypotheses.jsonl\n"
    scored = json.loads(ds2kit("score", blurred, "dev", "--json").out)
    assert scored["wer"]["rate"] == found["best"]["rate"]


def test_a_model_that_was_moved_has_its_language_model(
    ds2kit: Command,
    blurred: Path,
    toy: list[str],
    tone: Tone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ds2kit("tune", blurred, "dev", *toy, "--trials", "3", "--workers", "0")
    moved = shutil.move(blurred / "model", tmp_path / "moved")
    shutil.rmtree(blurred)
    (tmp_path / "lm.toy").unlink()

    assert ds2kit("transcribe", moved, tone("a b")).out == "a b\n"
    monkeypatch.setenv("DS2KIT_TOY_FAILS_ON", "a b")
    with pytest.raises(ValueError, match="a b is not to be decoded"):
        ds2kit("transcribe", moved, tone("a b"))


def test_a_stream_has_its_language_model(
    ds2kit: Command,
    tiny_streaming: Path,
    tiny_data: Path,
    toy: list[str],
    tone: Tone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = shutil.copytree(tiny_streaming, tmp_path / "model")
    data = f"corpus.data={tiny_data}"
    # With a single trial, of weights of 0, the language model would have no say and not be kept.
    assert ds2kit("tune", model, "dev", data, *toy, "--trials", "3").status == 0
    stream = ["transcribe", model, tone("a b c"), "--stream", "--pace", "0"]

    assert ds2kit(*stream).out == "a b c\n"
    monkeypatch.setenv("DS2KIT_TOY_FAILS_ON", "a b c")
    with pytest.raises(ValueError, match="a b c is not to be decoded"):
        ds2kit(*stream)


def test_any_number_of_workers_finds_the_same(
    ds2kit: Command, blurred: Path, toy: list[str]
) -> None:
    found = []
    for workers in ("0", "1", "3"):
        ran = ds2kit("tune", blurred, "dev", *toy, "--trials", "5", "--workers", workers)
        assert ran.status == 0, ran.err
        found.append(journal(blurred))
        shutil.rmtree(blurred / "tune")

    assert found == [found[0]] * 3


def test_again_it_needs_no_arguments_and_tries_nothing(
    ds2kit: Command, blurred: Path, toy: list[str]
) -> None:
    first = ds2kit("tune", blurred, "dev", *toy, "--trials", "5")
    written = {path.name: path.read_bytes() for path in (blurred / "model").iterdir()}

    again = ds2kit("tune", blurred, "dev", "--trials", "5")

    assert (again.status, again.out) == (0, first.out)
    assert "lm_weight" not in again.err
    assert {path.name: path.read_bytes() for path in (blurred / "model").iterdir()} == written


def test_ctrl_c_ends_with_130_and_is_gone_on_from(
    ds2kit: Command, blurred: Path, toy: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["tune", str(blurred), "dev", *toy, "--trials", "5"]
    trials = blurred / "tune" / "dev" / "trials.jsonl"
    monkeypatch.setenv("DS2KIT_TOY_SECONDS", "0.1")
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments, "--workers", "3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    begun = time.monotonic()
    while not trials.exists() or trials.read_bytes().count(b"\n") < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.005)

    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out) == (130, ""), err
    assert err.splitlines()[-1] == "stopped; run the same command again to go on"
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    monkeypatch.delenv("DS2KIT_TOY_SECONDS")
    before = journal(blurred)
    assert ds2kit(*arguments).status == 0
    assert journal(blurred)[: len(before)] == before
    stopped = journal(blurred)
    shutil.rmtree(blurred / "tune")
    ds2kit(*arguments)
    assert journal(blurred) == stopped


def test_the_network_is_run_where_nothing_was_kept(
    ds2kit: Command, experiment: Path, toy: list[str]
) -> None:
    first = ds2kit("tune", experiment, "dev", *toy, "--trials", "1")
    again = ds2kit("tune", experiment, "dev", *toy, "--trials", "2")

    assert (first.status, again.status) == (0, 0)
    assert "the network is not run" not in first.err
    assert "the network is not run" in again.err


def test_says_that_the_language_model_does_not_help(
    ds2kit: Command, experiment: Path, toy: list[str], tmp_path: Path
) -> None:
    """The tiny model hears all as it is; a language model of other words can only harm."""
    (tmp_path / "lm.toy").write_text("A\t0.2\nB\t0.2\nC\t0.2\nD\t0.2\n</s>\t0.2\n")

    ran = ds2kit("tune", experiment, "dev", *toy, "--trials", "2", "--workers", "0")

    assert ran.status == 0
    assert "warning: the language model makes no fewer errors than the search without" in ran.err
    assert "warning: the language model knows 0.0 % of 25 words that were said" in ran.err
    assert "of the unknown it knows in upper or lower case" in ran.err


def test_what_is_no_better_than_greedy_is_not_kept(
    ds2kit: Command, blurred: Path, toy: list[str]
) -> None:
    before = {path.name: path.read_bytes() for path in (blurred / "model").iterdir()}
    far = ["--word-score", "20", "21", "--trials", "2", "--workers", "0"]

    ran = ds2kit("tune", blurred, "dev", *toy, *far)

    assert ran.status == 0, ran.err
    assert "warning: the language model makes no fewer errors than the search without" in ran.err
    assert "warning: the search is worse than greedy without it too: look at lexicon" in ran.err
    assert "is left as it was: greedy search is as good, or better" in ran.err
    assert {path.name: path.read_bytes() for path in (blurred / "model").iterdir()} == before


def test_tuning_on_test_is_warned_of(ds2kit: Command, blurred: Path, toy: list[str]) -> None:
    ran = ds2kit("tune", blurred, "test", *toy, "--trials", "1")

    assert ran.status == 0
    assert ran.err.startswith("warning: test is tuned on; then its error rate says nothing")


def test_a_weight_at_the_end_of_its_range_is_told_of(
    ds2kit: Command, blurred: Path, toy: list[str]
) -> None:
    narrow = ["--lm-weight", "0.5", "0.51", "--trials", "2", "--workers", "0"]

    ran = ds2kit("tune", blurred, "dev", *toy, *narrow)

    assert (
        "lm_weight is best where its range ends; --lm-weight LOW HIGH makes that wider" in ran.err
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["dev", "decoder=greedy"], "decoder 'greedy' has no weights to tune (such as lm_weight)"),
        (["dev", "decoder.language_model=null"], "is given no language model to tune; name one"),
        (["deb"], "did you mean 'dev'?"),
        (["dev/x"], "'dev/x' is no split"),
        (["dev", "encoder.width=3"], "cannot be changed in a trained model"),
        (["dev", "decoder.language_model.path=none"], "none cannot be read"),
        (["dev", "--lm-weight", "2", "1"], "--lm-weight is 2 1; expected LOW HIGH"),
        (["dev", "--trials", "0"], "'--trials'"),
    ],
)
def test_what_cannot_be_tuned_is_one_line(
    ds2kit: Command, experiment: Path, toy: list[str], arguments: list[str], told: str
) -> None:
    ran = ds2kit("tune", experiment, arguments[0], *toy, *arguments[1:])

    assert ran.status == 1
    assert told in ran.err
    assert ran.err.count("\n") == 1
    assert not (experiment / "tune").exists()
    assert not (experiment / "decode").exists()


def test_another_decoder_is_refused_with_the_remedy(
    ds2kit: Command, blurred: Path, toy: list[str], tmp_path: Path
) -> None:
    ds2kit("tune", blurred, "dev", *toy, "--trials", "1")
    (tmp_path / "lm.toy").write_text("a\t0.5\n</s>\t0.5\n")

    ran = ds2kit("tune", blurred, "dev", *toy, "--trials", "1")

    assert ran.status == 1
    assert "tune/dev was begun with other settings; remove it to tune anew: decoder:" in ran.err
