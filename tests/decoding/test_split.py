"""Decoding a prepared split: whole, in order, and from where it was cut off."""

from __future__ import annotations

import json
import multiprocessing
import resource
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ds2kit import config as configs
from ds2kit import model_folder
from ds2kit.components import Decoder
from ds2kit.data.index import Index
from ds2kit.data.shards import write_split
from ds2kit.decoding.greedy import Greedy
from ds2kit.decoding.network import run
from ds2kit.decoding.settings import SETTINGS, settings_of
from ds2kit.decoding.split import (
    HYPOTHESES,
    PARTIAL,
    Decoding,
    Searching,
    decode_split,
    searchers,
)
from ds2kit.decoding.workers import Workers, cores
from ds2kit.errors import UserError
from ds2kit.model import AcousticModel
from ds2kit.registry import Chosen, Toolkit
from ds2kit.settings import Config
from ds2kit.types import Hypothesis, Padded


class Stopping(Decoder):
    """Greedy, until it has been asked so many times."""

    def __init__(self, decoder: Decoder, calls: int) -> None:
        self.decoder, self.left = decoder, calls

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return self.decoder.decode(log_probs)


@dataclass
class Bench:
    """All that decoding the tiny test split takes."""

    model: AcousticModel
    config: Config
    index: Index
    model_folder: Path

    def decoding(self, folder: Path, **settings: Any) -> Decoding:
        chosen = Chosen("decoder", "greedy")
        known = settings_of(self.model_folder, self.index.folder.parent, "test", self.index, chosen)
        return Decoding(folder, self.index, known | settings)

    def run(
        self,
        decoding: Decoding,
        decoder: Decoder | None = None,
        *,
        processes: int = 0,
        done: Callable[[float], None] = lambda seconds: None,
        **data: Any,
    ) -> float:
        """Decode what is left; the seconds of audio that it was."""
        settings = replace(self.config.data, **data)
        work = Searching(decoder or Greedy(self.model.tokenizer))
        with Workers(work, processes) as workers:
            return decode_split(
                decoding,
                lambda rows: run(self.model, decoding.index, rows, settings),
                workers,
                done=done,
            )

    def decode(
        self, folder: Path, calls: int = -1, processes: int = 0, **data: Any
    ) -> list[dict[str, Any]]:
        """The lines that are there afterwards; `calls` utterances at most."""
        decoder = Stopping(Greedy(self.model.tokenizer), calls)
        self.run(self.decoding(folder), decoder, processes=processes, **data)
        return lines(folder / HYPOTHESES)


@pytest.fixture(scope="module")
def bench(tiny_experiment: Path) -> Bench:
    toolkit = Toolkit.installed()
    config = configs.load(tiny_experiment / "config.yaml", toolkit)
    model, _ = model_folder.load(tiny_experiment / "model", toolkit)
    index = Index.load(config.speech.data / "test")
    return Bench(model, config, index, tiny_experiment / "model")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_utterance_once_in_the_order_of_the_index(bench: Bench, tmp_path: Path) -> None:
    heard = bench.decode(tmp_path / "d")

    assert [line["key"] for line in heard] == bench.index.keys
    assert [line["text"] for line in heard] == bench.index.texts
    assert [line["seconds"] for line in heard] == pytest.approx(bench.index.seconds)
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == [HYPOTHESES, SETTINGS]
    word = heard[0]["words"][0]
    assert list(word) == ["text", "start", "end", "confidence"]
    assert 0 <= word["start"] < word["end"] <= heard[0]["seconds"]


@pytest.mark.parametrize(
    "data",
    [
        {"seconds_per_step": 0.1},
        {"seconds_per_step": 1.3},
        {"seconds_per_step": 1000.0},
        {"seconds_per_step": 2.0, "workers": 2},
        {"processes": 1},
        {"seconds_per_step": 1.3, "workers": 1, "processes": 3},
    ],
    ids=str,
)
def test_batches_and_workers_and_processes_change_nothing(
    bench: Bench, tmp_path: Path, data: dict[str, Any]
) -> None:
    expected = bench.decode(tmp_path / "one")

    heard = bench.decode(tmp_path / "other", **data)

    for line, other in zip(heard, expected, strict=True):
        assert (line["key"], line["text"]) == (other["key"], other["text"])
        assert line["score"] == pytest.approx(other["score"], abs=1e-3)


def test_says_how_much_was_decoded(bench: Bench, tmp_path: Path) -> None:
    told: list[float] = []
    decoding = bench.decoding(tmp_path)

    first = bench.run(decoding, done=told.append)
    again = bench.run(decoding, done=told.append)

    assert first == pytest.approx(bench.index.seconds.sum()) == sum(told)
    assert again == 0


def interrupted(bench: Bench, folder: Path, calls: int) -> bytes:
    """What is left of a decode that was stopped after so many utterances."""
    with pytest.raises(KeyboardInterrupt):
        bench.decode(folder, calls=calls, seconds_per_step=1.5)
    assert not (folder / HYPOTHESES).exists()
    return (folder / PARTIAL).read_bytes()


def test_goes_on_where_it_was_stopped(bench: Bench, tmp_path: Path) -> None:
    expected = bench.decode(tmp_path / "whole")
    begun = len(interrupted(bench, tmp_path / "d", calls=2).splitlines())

    rest = bench.run(bench.decoding(tmp_path / "d"))

    assert 0 < begun < len(bench.index)
    # The longest come first.
    assert rest == pytest.approx(bench.index.seconds[: len(bench.index) - begun].sum())
    assert [line["text"] for line in lines(tmp_path / "d" / HYPOTHESES)] == [
        line["text"] for line in expected
    ]
    assert not (tmp_path / "d" / PARTIAL).exists()


def test_goes_on_wherever_the_file_was_cut(bench: Bench, tmp_path: Path) -> None:
    begun = interrupted(bench, tmp_path / "begun", calls=2)
    ends = [i for i, byte in enumerate(begun) if byte == ord("\n")]
    cuts = [0, 1, 30, ends[0], ends[0] + 1, ends[1] - 1, ends[-1], len(begun)]
    for cut in cuts:
        folder = tmp_path / f"at_{cut}"
        shutil.copytree(tmp_path / "begun", folder)
        (folder / PARTIAL).write_bytes(begun[:cut])

        heard = bench.decode(folder)

        assert [line["key"] for line in heard] == bench.index.keys, cut
        assert [line["text"] for line in heard] == bench.index.texts, cut


def test_a_cut_inside_a_symbol_is_taken_away(bench: Bench, tmp_path: Path) -> None:
    interrupted(bench, tmp_path, calls=1)
    whole = (tmp_path / PARTIAL).read_bytes()
    (tmp_path / PARTIAL).write_bytes(whole + '{"key": "今'.encode()[:-1])

    left = bench.decoding(tmp_path).begin()

    assert len(left) == len(bench.index) - len(whole.splitlines())
    assert (tmp_path / PARTIAL).read_bytes() == whole


@pytest.mark.parametrize("bad", ["{cut}", "[]", "5", '{"text": "a"}'])
def test_a_line_that_is_no_hypothesis_is_named(bench: Bench, tmp_path: Path, bad: str) -> None:
    interrupted(bench, tmp_path, calls=1)
    whole = (tmp_path / PARTIAL).read_text()
    (tmp_path / PARTIAL).write_text(f"{bad}\n{whole}")

    with pytest.raises(UserError, match=r"hypotheses\.partial\.jsonl, line 1: no JSON object"):
        bench.decode(tmp_path)


def test_other_settings_are_refused_with_the_difference(bench: Bench, tmp_path: Path) -> None:
    bench.decode(tmp_path)
    before = (tmp_path / HYPOTHESES).read_bytes()
    other = bench.decoding(tmp_path, model_digest="another", decoder={"name": "beam", "width": 8})

    with pytest.raises(UserError) as refused:
        bench.run(other)

    told = str(refused.value)
    assert f"{tmp_path} was begun with other settings; remove it to decode anew" in told
    assert "decoder: {'name': 'greedy'} -> {'name': 'beam', 'width': 8}" in told
    assert "-> another" in told
    assert (tmp_path / HYPOTHESES).read_bytes() == before


def test_the_same_speech_may_lie_elsewhere(bench: Bench, tmp_path: Path) -> None:
    interrupted(bench, tmp_path, calls=1)
    left = bench.decoding(tmp_path, data="/moved").begin()

    assert len(left) == len(bench.index) - 1
    assert json.loads((tmp_path / SETTINGS).read_text())["data"] == "/moved"


def test_a_full_disk_is_one_line_and_gone_on_from(bench: Bench, tmp_path: Path) -> None:
    interrupted(bench, tmp_path, calls=1)
    partial = tmp_path / PARTIAL
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (partial.stat().st_size + 100, limits[1]))
    try:
        with pytest.raises(UserError) as refused:
            bench.decode(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert f"{partial} could not be written: File too large" in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == [PARTIAL, SETTINGS]
    assert [line["text"] for line in bench.decode(tmp_path)] == bench.index.texts


def test_a_split_without_utterances(bench: Bench, tmp_path: Path) -> None:
    write_split(tmp_path / "data" / "none", [], made_from={}, empty=True)
    index = Index.load(tmp_path / "data" / "none")
    decoding = Decoding(tmp_path / "d", index, {"data": "", "split": "none"})

    assert bench.run(decoding) == 0
    assert lines(tmp_path / "d" / HYPOTHESES) == []


class Several(Decoder):
    """Two hypotheses, with their scores apart."""

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        first = Hypothesis("a b", (1, 2), -2.0, (), acoustic_score=-1.5, language_score=-0.5)
        second = Hypothesis("a", (1,), -3.5, (), acoustic_score=-3.0, language_score=-0.25)
        return [[first, second] for _ in log_probs.lengths]


def test_several_hypotheses_are_kept_with_their_scores_apart(bench: Bench, tmp_path: Path) -> None:
    bench.run(bench.decoding(tmp_path), Several(), processes=2)

    for line in lines(tmp_path / HYPOTHESES):
        assert list(line) == [
            "key", "text", "score", "acoustic_score", "language_score",
            "seconds", "words", "n_best",
        ]  # fmt: skip
        assert line["n_best"] == [
            {"text": "a b", "score": -2.0, "acoustic_score": -1.5, "language_score": -0.5},
            {"text": "a", "score": -3.5, "acoustic_score": -3.0, "language_score": -0.25},
        ]


def test_a_decoder_is_made_once_and_greedy_needs_no_process(bench: Bench) -> None:
    made = []

    def make(decoder: Decoder) -> Decoder:
        made.append(decoder)
        return decoder

    def processes(decoder: Decoder, count: int | None) -> int:
        before = set(multiprocessing.active_children())
        with searchers(lambda: make(decoder), count):
            return len(set(multiprocessing.active_children()) - before)

    assert processes(Several(), 3) == 3
    assert processes(Several(), None) == cores()
    assert processes(Several(), 0) == 0
    assert processes(Greedy(bench.model.tokenizer), 3) == 0
    assert len(made) == 4


def test_what_cannot_be_decoded_is_named_and_the_rest_is_kept(bench: Bench, tmp_path: Path) -> None:
    class Failing(Several):
        def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
            if int(log_probs.lengths[0]) == shortest:
                raise ValueError("no beam is left")
            return super().decode(log_probs)

    heard = [h for batch in run(bench.model, bench.index, np.arange(12), bench.config.data)
             for h in batch]  # fmt: skip
    shortest = min(len(one.log_probs) for one in heard)
    worst = [one.key for one in heard if len(one.log_probs) == shortest]

    for processes in (0, 2):
        with pytest.raises(UserError) as failed:
            bench.run(bench.decoding(tmp_path / str(processes)), Failing(), processes=processes)
        told = str(failed.value)
        assert any(f"utterance {key!r}: it could not be decoded" in told for key in worst)
        assert "(ValueError: no beam is left)" in told
        left = bench.decoding(tmp_path / str(processes)).begin()
        assert 0 < len(left) < len(bench.index)
