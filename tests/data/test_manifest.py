"""A table and its tars become utterances; what does not fit together is a problem by name."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from ds2kit.audio.write import wav
from ds2kit.data.manifest import utterances
from ds2kit.data.shards import write_split
from ds2kit.errors import UserError

HEADER = "id\tsplit\tspeaker\tseconds\ttext\tpinyin\n"
ROWS = [
    'a\ttrain\teve\t0.500\the said "no\tta1',
    "b\ttrain\tadam\t0.250\t好\thao3",
    "c\tdev\teve\t0.500\tbye\t",
]


def sound(seconds: float) -> bytes:
    return wav(0.3 * np.sin(np.arange(round(8000 * seconds))), 8000)


SOUNDS = {"a.wav": sound(0.5), "b.wav": sound(0.25)}


def corpus(folder: Path, rows: list[str] = ROWS, sounds: dict[str, bytes] = SOUNDS) -> Path:
    (folder / "manifest.tsv").write_text(HEADER + "".join(f"{row}\n" for row in rows), "utf-8")
    with tarfile.open(folder / "train.tar", "w") as tar:
        for name, content in sounds.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return folder


def test_in_order_of_the_table_with_the_columns_asked_for(tmp_path: Path) -> None:
    backwards = dict(reversed(SOUNDS.items()))

    found = list(utterances(corpus(tmp_path, sounds=backwards), "train", ["pinyin"]))

    assert [(u.key, u.text, u.speaker, u.audio, u.problem) for u in found] == [
        ("a", 'he said "no', "eve", SOUNDS["a.wav"], ""),
        ("b", "好", "adam", SOUNDS["b.wav"], ""),
    ]
    assert [dict(u.columns) for u in found] == [{"pinyin": "ta1"}, {"pinyin": "hao3"}]
    assert not next(utterances(tmp_path, "train")).columns


def test_members_may_lie_in_a_folder(tmp_path: Path) -> None:
    inside = {f"train/{name}": content for name, content in SOUNDS.items()}
    assert [u.problem for u in utterances(corpus(tmp_path, sounds=inside), "train")] == ["", ""]


PROBLEMS = {
    "no audio": (ROWS, {"a.wav": SOUNDS["a.wav"]}, "b", "its audio is not in"),
    "no row": (ROWS[:1], SOUNDS, "b", "does not list it in split train"),
    "row of another split": (
        [ROWS[0], ROWS[1].replace("train", "test")],
        SOUNDS,
        "b",
        "does not list it in split train",
    ),
    "no text": ([ROWS[0], "b\ttrain\tadam\t0.250\t \tx"], SOUNDS, "b", "transcript is empty"),
    "short row": ([ROWS[0], "b\ttrain"], SOUNDS, "b", "transcript is empty"),
    "longer": (
        ROWS,
        {**SOUNDS, "b.wav": sound(0.5)},
        "b",
        r"its audio has 0\.500 s, and manifest\.tsv says 0\.250",
    ),
    "shorter": (
        ROWS,
        {**SOUNDS, "b.wav": sound(0.1)},
        "b",
        r"its audio has 0\.100 s, and manifest\.tsv says 0\.250",
    ),
    "cut off": (ROWS, {**SOUNDS, "b.wav": SOUNDS["b.wav"][:999]}, "b", "its audio is cut off"),
    "no audio at all": (ROWS, {**SOUNDS, "b.wav": b"hello"}, "b", "its audio"),
    "no number": ([ROWS[0], "b\ttrain\tadam\t?\tx\tx"], SOUNDS, "b", r"seconds is '\?'"),
    "not a number": ([ROWS[0], "b\ttrain\tadam\tnan\tx\tx"], SOUNDS, "b", "says nan"),
    "twice": ([*ROWS, ROWS[1]], SOUNDS, "b", "its key is there before it"),
}


@pytest.mark.parametrize("what", PROBLEMS)
def test_what_does_not_fit_is_named_and_refused_or_left_out(tmp_path: Path, what: str) -> None:
    rows, sounds, key, problem = PROBLEMS[what]
    corpus(tmp_path, rows, sounds)

    with pytest.raises(UserError, match=f"utterance '{key}': .*{problem}"):
        write_split(tmp_path / "data", utterances(tmp_path, "train"), made_from={})
    assert not (tmp_path / "data").exists()

    told: list[str] = []
    taken = utterances(tmp_path, "train")
    index = write_split(tmp_path / "data", taken, made_from={}, on_bad="skip", warn=told.append)
    assert index.keys == (["b", "a"] if what == "twice" else ["a"])
    assert index.made_from["skipped"] == 1
    assert key in told[0]


def test_a_rounded_table_is_right(tmp_path: Path) -> None:
    rounded = [ROWS[0], ROWS[1].replace("0.250", "0.3")]
    assert [u.problem for u in utterances(corpus(tmp_path, rounded), "train")] == ["", ""]


def test_only_plain_files_are_audio(tmp_path: Path) -> None:
    corpus(tmp_path, sounds={})
    with tarfile.open(tmp_path / "train.tar", "w") as tar:
        link = tarfile.TarInfo("a.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)

    assert all("is not in" in u.problem and not u.audio for u in utterances(tmp_path, "train"))


def test_a_corpus_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"manifest\.tsv is not there"):
        list(utterances(tmp_path, "train"))
    corpus(tmp_path)
    with pytest.raises(UserError, match="no column gender"):
        list(utterances(tmp_path, "train", ["gender"]))
    with pytest.raises(UserError, match="nothing in split test; its splits: dev, train"):
        list(utterances(tmp_path, "test"))
    with pytest.raises(UserError, match=r"dev\.tar is not there"):
        list(utterances(tmp_path, "dev"))
    (tmp_path / "train.tar").write_bytes((tmp_path / "train.tar").read_bytes()[:700])
    with pytest.raises(UserError, match=r"train\.tar is not a whole tar archive"):
        list(utterances(tmp_path, "train"))
    (tmp_path / "manifest.tsv").write_bytes(HEADER.encode() + b"a\ttrain\t\xff\n")
    with pytest.raises(UserError, match="is not UTF-8"):
        list(utterances(tmp_path, "train"))
