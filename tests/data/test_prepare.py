"""Splits are prepared once, in parts or whole, with the same result."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ds2kit.audio.write import wav
from ds2kit.data.index import Index, payload
from ds2kit.data.prepare import Part, Prepared, join, prepare
from ds2kit.data.recipe import loaded
from ds2kit.errors import UserError
from ds2kit.testing.sounds import speech

RECIPE = """
from pathlib import Path
from ds2kit.types import Utterance

def splits(*, corpus: Path, repeat: bool = False):
    def utterances(name):
        for path in sorted((corpus / name).glob("*.wav")):
            key = "same" if repeat else f"{name}/{path.stem}"
            yield Utterance(key, path, f"text of {path.stem}", path.stem[0], columns={"from": name})
    return {name: utterances(name) for name in ("train", "dev")}
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    for name, count in (("train", 7), ("dev", 2)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            samples = 2000 + (i * 991) % 3000
            content = wav(speech(samples, 8000, seed=i), 8000)
            (folder / name / f"{'abc'[i % 3]}{i}.wav").write_bytes(content)
    (tmp_path / "prepare.py").write_text(RECIPE)
    return folder


def run(
    corpus: Path,
    data: str = "data",
    *,
    part: str | None = None,
    joins: bool = False,
    options: Sequence[str] = (),
) -> list[Prepared]:
    with loaded(corpus.parent / "prepare.py") as recipe:
        values = recipe.options([f"corpus={corpus}", *options])
        into = corpus.parent / data
        if joins:
            return list(join(recipe, into, values))
        return list(prepare(recipe, into, values, part=Part.parse(part) if part else None))


def rows(index: Index) -> list[tuple[object, ...]]:
    """Everything but where the audio is."""
    kept = [name for name in index.table.column_names if name not in ("shard", "offset")]
    return [tuple(row.values()) for row in index.table.select(kept).to_pylist()]


def check_payloads(index: Index) -> None:
    for place in range(len(index)):
        row = index.row(place)
        content = (index.folder / row.shard).read_bytes()
        payload(index.folder, row, content[row.offset : row.offset + row.size])


def test_each_split_is_made_and_summed_up(corpus: Path) -> None:
    train, dev = run(corpus)

    assert (train.name, train.utterances, train.speakers, train.made) == ("train", 7, 3, True)
    assert (dev.name, dev.utterances, dev.speakers, dev.skipped) == ("dev", 2, 2, 0)
    assert train.hours == pytest.approx(train.index.samples.sum() / 8000 / 3600)
    assert train.index.row(0).columns == {"from": "train"}
    assert train.index.texts[0] == f"text of {train.index.keys[0].removeprefix('train/')}"
    check_payloads(train.index)


def test_what_is_there_stays(corpus: Path) -> None:
    run(corpus)
    shard = corpus.parent / "data" / "train" / "000000.tar"
    before = shard.stat().st_mtime_ns
    shutil.rmtree(corpus.parent / "data" / "dev")

    train, dev = run(corpus)

    assert (train.made, dev.made) == (False, True)
    assert shard.stat().st_mtime_ns == before


def test_what_another_recipe_made_is_refused_with_the_remedy(corpus: Path) -> None:
    run(corpus)
    with pytest.raises(UserError, match=r"repeat=False instead of True; remove .*data/train"):
        run(corpus, options=["repeat=true"])
    prepare_py = corpus.parent / "prepare.py"
    prepare_py.write_text(RECIPE + "\n# changed\n")
    with pytest.raises(UserError, match=r"another prepare\.py; remove .*data/train"):
        run(corpus)


@pytest.mark.parametrize("parts", [1, 3, 12])
def test_joined_parts_are_the_whole(corpus: Path, parts: int) -> None:
    whole = run(corpus, "whole")
    for number in range(parts, 0, -1):
        made = run(corpus, "parted", part=f"{number}/{parts}")
        assert [split.name for split in made] == ["train", "dev"]

    joined = run(corpus, "parted", joins=True)

    for one, other in zip(whole, joined, strict=True):
        assert rows(one.index) == rows(other.index)
        assert one.index.table.schema.equals(other.index.table.schema)
        assert one.index.made_from == other.index.made_from
        assert np.array_equal(one.index.seconds, other.index.seconds)
        check_payloads(other.index)
    assert sorted(path.name for path in (corpus.parent / "parted").iterdir()) == ["dev", "train"]


def test_missing_parts_are_named_and_nothing_is_joined(corpus: Path) -> None:
    for number in (1, 3):
        run(corpus, part=f"{number}/4")
    before = sorted((corpus.parent / "data").rglob("*"))

    with pytest.raises(UserError, match=r"lacks parts 2/4, 4/4; run them with --part"):
        run(corpus, joins=True)
    assert sorted((corpus.parent / "data").rglob("*")) == before
    with pytest.raises(UserError, match="holds no parts"):
        run(corpus, "elsewhere", joins=True)


def test_parts_of_two_runs_are_not_mixed(corpus: Path) -> None:
    run(corpus, part="1/2")
    run(corpus, part="1/3")

    with pytest.raises(UserError, match=r"several runs \(1-of-2, 1-of-3\)"):
        run(corpus, joins=True)


def test_parts_of_another_recipe_are_refused(corpus: Path) -> None:
    run(corpus, part="1/1")

    with pytest.raises(UserError, match="repeat=False instead of True"):
        run(corpus, joins=True, options=["repeat=true"])


def test_keys_of_two_parts_must_differ(corpus: Path) -> None:
    for path in sorted((corpus / "train").iterdir())[2:]:
        path.unlink()
    for number in (1, 2):
        run(corpus, part=f"{number}/2", options=["repeat=true"])

    with pytest.raises(UserError, match=r"1 keys are in several parts \('same'\)"):
        run(corpus, joins=True, options=["repeat=true"])
    assert len(list((corpus.parent / "data" / ".parts" / "train").iterdir())) == 2


def test_parts_stay_and_join_again_after_a_failure(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(corpus, part="1/1")
    with monkeypatch.context() as patched:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patched.setattr("ds2kit.data.prepare.write_index", full)
        with pytest.raises(UserError, match="No space left on device"):
            run(corpus, joins=True)

    assert not (corpus.parent / "data" / "train").exists()
    assert [split.made for split in run(corpus, joins=True)] == [True, True]
    assert [split.made for split in run(corpus, joins=True)] == [False, False]


def test_a_joined_split_is_not_prepared_again(corpus: Path) -> None:
    run(corpus, part="1/1")
    run(corpus, joins=True)

    assert [split.made for split in run(corpus)] == [False, False]
    assert [split.made for split in run(corpus, part="1/5")] == [False, False]


@pytest.mark.parametrize("text", ["0/4", "5/4", "3", "a/b", "3/", "-1/4", "1/4/2"])
def test_impossible_parts(text: str) -> None:
    with pytest.raises(UserError, match="expected such as 3/16"):
        Part.parse(text)


def test_parts_sort_by_their_number() -> None:
    folders = [Part(number, 16).folder(Path("data"), "train").name for number in (1, 10, 16)]

    assert folders == ["01-of-16", "10-of-16", "16-of-16"]
