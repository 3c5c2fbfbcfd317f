"""Decoding a prepared split: whole, in order, and from where it was cut off."""

from __future__ import annotations

import json
import resource
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ds2kit import config as configs
from ds2kit import model as models
from ds2kit.components import Decoder
from ds2kit.data.index import Index
from ds2kit.data.shards import write_split
from ds2kit.decoding.greedy import Greedy
from ds2kit.decoding.split import HYPOTHESES, PARTIAL, SETTINGS, Decoding, decode_split, settings_of
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

    def decode(self, folder: Path, calls: int = -1, **data: Any) -> list[dict[str, Any]]:
        """The lines that are there afterwards; `calls` batches at most."""
        config = replace(self.config, data=replace(self.config.data, **data))
        decoder = Stopping(Greedy(self.model.tokenizer), calls)
        decode_split(self.decoding(folder), self.model, decoder, config)
        return lines(folder / HYPOTHESES)


@pytest.fixture(scope="module")
def bench(tiny_experiment: Path) -> Bench:
    toolkit = Toolkit.installed()
    config = configs.load(tiny_experiment / "config.yaml", toolkit)
    model, _ = models.load(tiny_experiment / "model", toolkit)
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
    ],
    ids=str,
)
def test_batches_and_workers_change_nothing(
    bench: Bench, tmp_path: Path, data: dict[str, Any]
) -> None:
    expected = bench.decode(tmp_path / "one")

    heard = bench.decode(tmp_path / "other", **data)

    for line, other in zip(heard, expected, strict=True):
        assert (line["key"], line["text"]) == (other["key"], other["text"])
        assert line["score"] == pytest.approx(other["score"], abs=1e-3)


def test_says_how_much_was_decoded(bench: Bench, tmp_path: Path) -> None:
    told: list[float] = []
    decoding, decoder = bench.decoding(tmp_path), Greedy(bench.model.tokenizer)

    first = decode_split(decoding, bench.model, decoder, bench.config, done=told.append)
    again = decode_split(decoding, bench.model, decoder, bench.config, done=told.append)

    assert first == pytest.approx(bench.index.seconds.sum()) == sum(told)
    assert again == 0


def interrupted(bench: Bench, folder: Path, calls: int) -> bytes:
    """What is left of a decode that was stopped after so many batches."""
    with pytest.raises(KeyboardInterrupt):
        bench.decode(folder, calls=calls, seconds_per_step=1.5)
    assert not (folder / HYPOTHESES).exists()
    return (folder / PARTIAL).read_bytes()


def test_goes_on_where_it_was_stopped(bench: Bench, tmp_path: Path) -> None:
    expected = bench.decode(tmp_path / "whole")
    begun = len(interrupted(bench, tmp_path / "d", calls=2).splitlines())
    decoder = Greedy(bench.model.tokenizer)

    rest = decode_split(bench.decoding(tmp_path / "d"), bench.model, decoder, bench.config)

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

    assert len(bench.decoding(tmp_path).begin()) == len(whole.splitlines())
    assert (tmp_path / PARTIAL).read_bytes() == whole


@pytest.mark.parametrize("bad", ["{cut}", "[]", "5", '{"text": "a"}'])
def test_a_line_that_is_no_hypothesis_is_named(bench: Bench, tmp_path: Path, bad: str) -> None:
    interrupted(bench, tmp_path, calls=1)
    whole = (tmp_path / PARTIAL).read_text()
    (tmp_path / PARTIAL).write_text(f"{bad}\n{whole}")

    with pytest.raises(UserError, match=r"hypotheses\.partial\.jsonl, line 1: no hypothesis"):
        bench.decode(tmp_path)


def test_other_settings_are_refused_with_the_difference(bench: Bench, tmp_path: Path) -> None:
    bench.decode(tmp_path)
    before = (tmp_path / HYPOTHESES).read_bytes()
    other = bench.decoding(tmp_path, model_digest="another", decoder={"name": "beam", "width": 8})

    with pytest.raises(UserError) as refused:
        decode_split(other, bench.model, Greedy(bench.model.tokenizer), bench.config)

    told = str(refused.value)
    assert f"{tmp_path} was begun with other settings; remove it to decode anew" in told
    assert "decoder: {'name': 'greedy'} -> {'name': 'beam', 'width': 8}" in told
    assert "-> another" in told
    assert (tmp_path / HYPOTHESES).read_bytes() == before


def test_options_that_json_has_no_word_for_are_no_difference(bench: Bench, tmp_path: Path) -> None:
    chosen = Chosen("decoder", "beam", {"path": Path("/lm.arpa"), "weights": (1.0, 2.0)})
    for _ in range(2):
        settings = settings_of(bench.model_folder, Path("/data"), "test", bench.index, chosen)
        Decoding(tmp_path, bench.index, settings).begin()

    kept = json.loads((tmp_path / SETTINGS).read_text())
    assert kept["decoder"] == {"name": "beam", "path": "/lm.arpa", "weights": [1.0, 2.0]}


def test_the_same_speech_may_lie_elsewhere(bench: Bench, tmp_path: Path) -> None:
    interrupted(bench, tmp_path, calls=1)
    begun = len(bench.decoding(tmp_path, data="/moved").begin())

    assert begun > 0
    assert json.loads((tmp_path / SETTINGS).read_text())["data"] == "/moved"


def test_damaged_settings_are_named(bench: Bench, tmp_path: Path) -> None:
    for damaged in ("", "{", "[]"):
        (tmp_path / SETTINGS).write_text(damaged)
        with pytest.raises(UserError, match=r"settings\.json is damaged; remove"):
            bench.decoding(tmp_path).begin()


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


def test_settings_are_all_that_hypotheses_depend_on(bench: Bench, tmp_path: Path) -> None:
    settings = bench.decoding(tmp_path).settings

    assert settings["index_digest"] == bench.index.digest
    assert settings["data"] == str(bench.index.folder.parent)
    assert settings["decoder"] == {"name": "greedy"}
    copied = Path(shutil.copytree(bench.model_folder, tmp_path / "model"))
    weights = copied / models.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    other = settings_of(copied, tmp_path, "test", bench.index, Chosen("decoder", "greedy"))
    assert other["model_digest"] != settings["model_digest"]


def test_a_split_without_utterances(bench: Bench, tmp_path: Path) -> None:
    write_split(tmp_path / "data" / "none", [], made_from={}, empty=True)
    index = Index.load(tmp_path / "data" / "none")
    decoding = Decoding(tmp_path / "d", index, {"data": "", "split": "none"})

    assert decode_split(decoding, bench.model, Greedy(bench.model.tokenizer), bench.config) == 0
    assert lines(tmp_path / "d" / HYPOTHESES) == []
