"""The digits' splits: the official test set whole, and nothing of it elsewhere."""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from ds2kit.audio.read import read
from ds2kit.data.recipe import loaded
from ds2kit.errors import UserError
from ds2kit.types import Utterance

RECIPE = Path(__file__).parents[2] / "recipes" / "digits"


@pytest.fixture(scope="module")
def prepare(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module prepare.py, with the corpus unpacked elsewhere than beside it."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DS2KIT_CORPORA", str(corpora))
    with loaded(RECIPE / "prepare.py") as recipe:
        patch.setitem(
            recipe.function.__globals__, "HERE", tmp_path_factory.mktemp("digits") / "recipe"
        )
        yield recipe.function.__globals__
    patch.undo()


@pytest.fixture(scope="module")
def splits(prepare: Any) -> dict[str, list[Utterance]]:
    return {name: list(utterances) for name, utterances in prepare["splits"]().items()}


def _recordings(utterances: Iterable[Utterance]) -> Counter[str]:
    """The recordings that stand in them, and how often."""
    return Counter(chain.from_iterable(u.columns.get("of", u.key).split() for u in utterances))


def _number(recording: str) -> int:
    return int(recording.split("_")[2])


def test_the_official_split(splits: dict[str, list[Utterance]]) -> None:
    for suffix, times in (("", 1), ("_connected", 1)):
        test, dev = _recordings(splits["test" + suffix]), _recordings(splits["dev" + suffix])
        assert len(test) == len(dev) == 300
        assert {_number(one) for one in test} == set(range(5))
        assert {_number(one) for one in dev} == set(range(5, 10))
        assert set((test + dev).values()) == {times}, "each of them, once"
        train = _recordings(splits["train" + suffix])
        assert len(train) == 2_400
        assert {_number(one) for one in train} == set(range(10, 50))


def test_what_is_said(prepare: Any, splits: dict[str, list[Utterance]]) -> None:
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    for utterance in chain.from_iterable(splits.values()):
        parts = utterance.columns.get("of", utterance.key).split()
        assert utterance.text == " ".join(words[int(part[0])] for part in parts)
        assert {part.split("_")[1] for part in parts} == {utterance.speaker}
        assert len(parts) == 1 or 3 <= len(parts) <= 7


def test_connected_digits_are_the_recordings_and_pauses(
    prepare: Any, splits: dict[str, list[Utterance]]
) -> None:
    paths = {utterance.key: utterance.audio for utterance in splits["test"]}
    for utterance in splits["test_connected"][:10]:
        sound = read(utterance.audio, 8000)
        single = [read(paths[part], 8000) for part in utterance.columns["of"].split()]
        pauses = len(sound) / 8000 - sum(map(len, single)) / 8000
        assert 0.05 * (len(single) - 1) - 0.01 <= pauses <= 0.4 * (len(single) - 1)
        np.testing.assert_array_equal(sound[: len(single[0])], single[0])
        np.testing.assert_array_equal(sound[-len(single[-1]) :], single[-1])


def test_the_same_each_time(prepare: Any, splits: dict[str, list[Utterance]]) -> None:
    again = prepare["splits"]()
    for name in ("test_connected", "dev_connected"):
        assert list(again[name]) == splits[name]
        assert len({u.key for u in splits[name]}) == len(splits[name])


def test_a_speaker_held_out(prepare: Any) -> None:
    splits = {name: list(u) for name, u in prepare["splits"](held_out="theo").items()}
    for name, utterances in splits.items():
        speakers = {utterance.speaker for utterance in utterances}
        assert speakers == {"theo"} if name.startswith("test") else "theo" not in speakers
    assert len(splits["test"]) == 500
    with pytest.raises(UserError, match="'bob'"):
        prepare["splits"](held_out="bob")


def test_from_an_archive_as_it_is_at_the_source(
    prepare: Any,
    splits: dict[str, list[Utterance]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """wav files in a folder in a gzipped tar, among others; the samples are what is checked."""
    archive = tmp_path / "source.tar.gz"
    top = tmp_path / "free-spoken-digit-dataset-26eb9aa"
    (top / "recordings").mkdir(parents=True)
    (top / "metadata.py").write_text("")
    singles = [u for name in ("train", "dev", "test") for u in splits[name][::40]]
    digest = hashlib.sha256()
    for utterance in sorted(singles, key=lambda utterance: utterance.key):
        sound = prepare["wav"](read(utterance.audio, 8000), 8000)
        (top / "recordings" / f"{utterance.key}.wav").write_bytes(sound)
        digest.update(utterance.key.encode() + sound)
    with tarfile.open(archive, "w:gz", compresslevel=1) as opened:
        opened.add(top, top.name)
    asked = []

    def fetch(url: str, path: Path) -> Path:
        asked.append(url)
        path.parent.mkdir(parents=True)
        return archive.rename(path)

    monkeypatch.setitem(prepare, "HERE", tmp_path / "fresh")
    monkeypatch.setitem(prepare, "CORPORA", tmp_path / "nothing")
    monkeypatch.setitem(prepare, "fetch", fetch)
    monkeypatch.setitem(prepare, "SAMPLES_SHA256", digest.hexdigest())

    made = prepare["splits"]()

    assert asked == [prepare["ARCHIVE"]]
    assert [u.key for u in made["test"]] == [u.key for u in splits["test"][::40]]

    next((tmp_path / "fresh").rglob("*.wav")).unlink()
    with pytest.raises(UserError, match="75 recordings that are not"):
        prepare["splits"]()


def test_the_address_is_https(prepare: Any) -> None:
    assert re.match("https://github.com/", prepare["ARCHIVE"])


@pytest.mark.parametrize(
    ("name", "section", "key"),
    [
        ("bigrams", "tokenizer", None),
        ("held_out", "corpus", "data"),
        ("streaming", "encoder", None),
    ],
)
def test_the_yamls_differ_in_one_thing(name: str, section: str, key: str | None) -> None:
    base, other = (OmegaConf.load(RECIPE / f"{one}.yaml") for one in ("digits", name))
    for yaml in (base, other):
        if key is None:
            del yaml[section]
        else:
            del yaml[section][key]
    assert base == other
