"""The HSK words: in miniature with what can be wrong in them, and the real ones."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ds2kit import config as configs
from ds2kit.data.index import Index
from ds2kit.data.recipe import loaded
from ds2kit.data.shards import write_split
from ds2kit.registry import Toolkit

RECIPE = Path(__file__).parents[2] / "recipes" / "hsk_words"
HEADER = "id\tsplit\tspeaker\tseconds\ttext\tpinyin"
ROWS = [
    "hsk0\ttrain\tyue-tan\t0.500\t一\tyi1",
    "hsk1\ttrain\tyue-tan\t0.500\t一下\tyi1 xia4",
    "hsk2\ttrain\tyue-tan\t0.500\t裙子\tqun2 zi5",
    "hsk3\tdev\tyue-tan\t0.500\t龟\tgui1",
    "hsk4\ttest\tyue-tan\t0.500\t龙头\tlong2 tou2",
]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder hsk_words as it lies in DS2KIT_CORPORA, which prepare.py takes."""
    folder = tmp_path / "corpora" / "hsk_words"
    folder.mkdir(parents=True)
    write(folder, ROWS)
    for split in ("train", "dev", "test"):
        pack(folder, split, {row.split("\t")[0]: 0.5 for row in ROWS if f"\t{split}\t" in row})
    monkeypatch.setenv("DS2KIT_CORPORA", str(tmp_path / "corpora"))
    return folder


def write(folder: Path, rows: list[str]) -> None:
    (folder / "manifest.tsv").write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")


def pack(folder: Path, split: str, seconds: dict[str, float]) -> None:
    """SPLIT.tar of tones, so long each."""
    with tarfile.open(folder / f"{split}.tar", "w") as tar:
        for key, long in seconds.items():
            file = io.BytesIO()
            sound = 0.3 * np.sin(0.3 * np.arange(round(16_000 * long)))
            soundfile.write(file, sound, 16_000, format="OGG", subtype="OPUS")
            member = tarfile.TarInfo(f"{key}.opus")
            member.size = len(file.getvalue())
            tar.addfile(member, io.BytesIO(file.getvalue()))


@pytest.fixture
def prepare(ds2kit: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    return lambda *more: ds2kit("prepare", RECIPE / "prepare.py", tmp_path / "data", *more)


def test_a_word_and_its_pinyin(corpus: Path, prepare: Any, tmp_path: Path) -> None:
    ran = prepare()

    assert ran.status == 0, ran.err
    assert [line.partition(",")[0] for line in ran.out.splitlines()] == [
        "train: 3 utterances",
        "dev: 1 utterances",
        "test: 1 utterances",
    ]
    index = Index.load(tmp_path / "data" / "train")
    rows = {row.key: row for row in map(index.row, range(len(index)))}
    assert rows["hsk1"].text == "一下"
    assert rows["hsk1"].columns == {"pinyin": "yi1 xia4"}
    assert rows["hsk1"].speaker == "yue-tan"


SOUND = {"hsk0": 0.5, "hsk1": 0.5, "hsk2": 0.5}

IRREGULAR: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing audio": (
        lambda c: pack(c, "train", {"hsk0": 0.5, "hsk2": 0.5}),
        "'hsk1': its audio is not in",
    ),
    "an empty transcript": (
        lambda c: write(c, [row.replace("一下", "") for row in ROWS]),
        "'hsk1': its transcript is empty",
    ),
    "a row twice": (lambda c: write(c, [*ROWS, ROWS[1]]), "'hsk1': its key is there before it"),
    "a wrong duration": (
        lambda c: pack(c, "train", {**SOUND, "hsk1": 0.8}),
        r"'hsk1': its audio has 0\.800 s, and manifest\.tsv says 0\.500",
    ),
    "a row away": (lambda c: write(c, [ROWS[0], *ROWS[2:]]), "'hsk1': .* does not list it"),
}


@pytest.mark.parametrize("what", IRREGULAR)
def test_irregularities_are_named_and_refused_or_left_out(
    what: str, corpus: Path, prepare: Any, tmp_path: Path
) -> None:
    spoil, problem = IRREGULAR[what]
    spoil(corpus)

    refused = prepare()
    assert refused.status == 1
    assert not (tmp_path / "data" / "train").exists()
    skipped = prepare("--on-bad", "skip")
    assert skipped.status == 0
    assert "train: " in skipped.out
    assert "1 bad ones left out" in skipped.out
    for told in (refused.err, skipped.err):
        assert len(told.splitlines()) == 1
        assert re.search(problem, told), told


def test_the_yaml_is_understood() -> None:
    config = configs.load(RECIPE / "hsk_words.yaml", Toolkit.installed())
    assert (config.speech.train, config.speech.dev) == ("train", "dev")


@pytest.fixture(scope="module")
def splits(corpora: Path) -> Iterator[Any]:
    """prepare.py's, of DS2KIT_CORPORA."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DS2KIT_CORPORA", str(corpora))
    with loaded(RECIPE / "prepare.py") as recipe:
        yield recipe.function
    patch.undo()


def test_a_handful_of_the_real_words_is_prepared(splits: Any, tmp_path: Path) -> None:
    for name, taken in splits().items():
        index = write_split(tmp_path / name, islice(taken, 5), made_from={})
        assert len(index) == 5
        assert 0.7 < index.seconds[0] <= index.seconds[-1] < 2.4


def test_the_real_words_are_whole_and_in_one_split(splits: Any) -> None:
    taken = {name: list(utterances) for name, utterances in splits().items()}
    counts = {name: len(utterances) for name, utterances in taken.items()}
    assert counts == {"train": 7235, "dev": 335, "test": 737}
    everything = list(chain.from_iterable(taken.values()))
    assert {u.problem for u in everything} == {""}
    words = {name: {u.text for u in utterances} for name, utterances in taken.items()}
    assert words["train"].isdisjoint(words["dev"] | words["test"])
    assert words["dev"].isdisjoint(words["test"])
    # A syllable a character.
    assert all(len(u.columns["pinyin"].split()) == len(u.text) for u in everything)
