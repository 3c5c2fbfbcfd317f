"""The yamls of the LibriSpeech recipe, and our piece of the corpus."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from ds2kit import config as configs
from ds2kit.data.recipe import loaded
from ds2kit.data.shards import write_split
from ds2kit.registry import Toolkit

RECIPE = Path(__file__).parents[2] / "recipes" / "librispeech"


@pytest.mark.parametrize("name", ["small", "100", "460", "960"])
def test_a_yaml_is_understood(name: str) -> None:
    config = configs.load(RECIPE / f"{name}.yaml", Toolkit.installed())
    assert config.speech.dev == ("dev" if name == "small" else "dev-clean")
    hours = sum(int(split.rpartition("-")[2]) for split in config.speech.train if name != "small")
    assert name == "small" or hours == int(name)


def test_the_official_yamls_differ_in_few_things() -> None:
    differ = ("corpus.train", "encoder.parameters", "encoder.layers", "data.seconds_per_step")
    differ += ("optimizer.learning_rate", "trainer.epochs")
    yamls = []
    for name in ("100", "460", "960"):
        yaml = OmegaConf.load(RECIPE / f"{name}.yaml")
        for key in differ:
            OmegaConf.update(yaml, key, None)
        yamls.append(yaml)
    assert yamls[0] == yamls[1] == yamls[2]


@pytest.fixture(scope="module")
def small(corpora: Path) -> Iterator[dict[str, Any]]:
    """The splits of small.py, from DS2KIT_CORPORA."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DS2KIT_CORPORA", str(corpora))
    with loaded(RECIPE / "small.py") as found:
        yield found.function
    patch.undo()


def test_a_handful_of_our_piece_is_prepared(small: Any, tmp_path: Path) -> None:
    for name, taken in small().items():
        index = write_split(tmp_path / name, islice(taken, 3), made_from={})
        assert len(index) == 3
        row = index.row(0)
        assert row.columns["gender"] in "fm"
        assert row.columns["subset"].count("-") in (1, 2)
        assert row.text == row.text.lower()
        assert row.key.startswith(f"{row.speaker}-")


def test_our_piece_is_whole_and_its_speakers_are_in_one_split(small: Any) -> None:
    taken = {name: list(utterances) for name, utterances in small().items()}
    counts = {name: len(utterances) for name, utterances in taken.items()}
    assert counts == {"train": 2624, "train_mp3": 903, "dev": 150, "test": 300, "test_other": 54}
    everything = list(chain.from_iterable(taken.values()))
    assert {u.problem for u in everything} == {""}
    assert len({u.key for u in everything}) == len(everything)
    speakers = {name: {u.speaker for u in utterances} for name, utterances in taken.items()}
    trained = speakers["train"] | speakers["train_mp3"]
    tested = speakers["test"] | speakers["test_other"]
    assert trained.isdisjoint(speakers["dev"] | tested)
    assert tested.isdisjoint(speakers["dev"])
