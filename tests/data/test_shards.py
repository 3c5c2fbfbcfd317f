"""Shards are plain webdataset, in order of duration, the same every time, whole or not there."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tarfile
import tracemalloc
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import webdataset
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.audio.read import read
from ds2kit.data.index import FILE, Index, payload
from ds2kit.data.shards import member_key, member_name, write_split
from ds2kit.errors import UserError
from ds2kit.testing.sounds import speech
from ds2kit.types import Utterance

KINDS = [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "OPUS"), ("OGG", "VORBIS")]


@lru_cache  # an Ogg encoder draws a new serial number every time
def sound(samples: int, kind: int = 0, rate: int = 16000) -> bytes:
    written = io.BytesIO()
    container, subtype = KINDS[kind]
    values = speech(samples, rate, seed=samples)
    soundfile.write(written, values, rate, format=container, subtype=subtype)
    return written.getvalue()


def utterances(count: int = 12) -> Iterator[Utterance]:
    """Of several formats and durations, from bytes; keys with dots, slashes and signs."""
    for i in range(count):
        samples = 4000 + (i * 7919) % 12_000
        yield Utterance(
            key=f"speaker/{i}/take.{i}.äß 发%",
            audio=sound(samples, i % len(KINDS)),
            text=f"sentence 第{i}句",
            speaker=f"s{i % 3}",
            columns={"accent": "none"} if i % 2 else {"noise": "street"},
        )


def read_row(index: Index, place: int) -> bytes:
    row = index.row(place)
    with (index.folder / row.shard).open("rb") as shard:
        shard.seek(row.offset)
        return payload(index.folder, row, shard.read(row.size))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_index_finds_every_recording(tmp_path: Path) -> None:
    given = {utterance.key: utterance for utterance in utterances()}

    index = write_split(tmp_path / "train", utterances(), made_from={"a": 1})

    assert sorted(index.keys) == sorted(given)
    assert (np.diff(index.seconds) >= 0).all()
    assert index.made_from == {"a": 1, "format": 1, "skipped": 0}
    for place in range(len(index)):
        row, expected = index.row(place), given[index.keys[place]]
        audio = read_row(index, place)
        assert (row.text, row.speaker) == (expected.text, expected.speaker)
        assert row.columns == {"accent": "", "noise": "", **expected.columns}
        heard = read(audio, 16000)
        assert len(heard) == row.samples == index.samples_at(16000)[place]
        assert np.array_equal(heard, read(expected.audio, 16000))


def test_plain_webdataset_reads_them(tmp_path: Path) -> None:
    index = write_split(tmp_path / "train", utterances(), made_from={}, shard_bytes=40_000)
    shards = sorted(str(path) for path in index.folder.glob("*.tar"))

    samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode())

    assert len(shards) > 2
    assert [sample["json"]["key"] for sample in samples] == index.keys
    for place, sample in enumerate(samples):
        row, about = index.row(place), sample["json"]
        assert member_key(sample["__key__"]) == row.key
        assert about["text"] == row.text
        assert about["speaker"] == row.speaker
        assert about["seconds"] == index.seconds[place]
        assert about["columns"] == row.columns
        (audio,) = (sample[kind] for kind in ("flac", "ogg", "opus") if kind in sample)
        if isinstance(audio, bytes):  # webdataset decodes flac where torchaudio is there
            assert audio == read_row(index, place)


def test_shards_are_bounded_and_in_order(tmp_path: Path) -> None:
    index = write_split(tmp_path / "train", utterances(), made_from={}, shard_bytes=40_000)

    names = [index.row(place).shard for place in range(len(index))]
    offsets = [(name, index.row(place).offset) for place, name in enumerate(names)]
    assert offsets == sorted(offsets)
    for path in index.folder.glob("*.tar"):
        assert path.stat().st_size <= 40_000
        assert path.stat().st_size % tarfile.RECORDSIZE == 0
    assert sorted(path.name for path in index.folder.iterdir()) == [*sorted(set(names)), FILE]


def test_same_bytes_every_time_and_for_any_number_of_workers(tmp_path: Path) -> None:
    for workers in (1, 4):
        write_split(tmp_path / str(workers), utterances(), made_from={}, workers=workers)

    assert contents(tmp_path / "1") == contents(tmp_path / "4")


def test_order_of_utterances_does_not_matter(tmp_path: Path) -> None:
    write_split(tmp_path / "a", utterances(), made_from={})
    write_split(tmp_path / "b", list(utterances())[::-1], made_from={})

    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@given(key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_member_names_are_reversible_and_safe(key: str) -> None:
    name = member_name(key)

    assert member_key(name) == key
    assert name.isascii()
    assert not set("./ ") & set(name)


def test_long_keys_survive(tmp_path: Path) -> None:
    key = "folder/" * 40 + "a.b"
    index = write_split(tmp_path / "a", [Utterance(key, sound(4000), "")], made_from={})

    samples = list(webdataset.WebDataset(str(index.folder / "000000.tar"), shardshuffle=False))

    assert member_key(samples[0]["__key__"]) == index.keys[0] == key
    assert read(read_row(index, 0), 16000).shape == (4000,)


def bad_utterances(folder: Path) -> list[Utterance]:
    (folder / "empty.wav").touch()
    good = sound(4000)
    return [
        Utterance("good", good, "kept"),
        Utterance("missing", folder / "missing.wav", ""),
        Utterance("empty", folder / "empty.wav", ""),
        Utterance("cut", sound(8000, 1)[:-200], ""),
        Utterance("", good, ""),
        Utterance("odd\udce4", good, ""),
        Utterance("good", good, "again"),
        Utterance("late", good, "", start=3.0),
        Utterance("told", good, "", problem="its transcript is not there"),
        Utterance("other", sound(5000), "kept too"),
    ]


def test_bad_utterances_are_named_and_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        write_split(tmp_path / "train", bad_utterances(tmp_path), made_from={})

    message = str(raised.value)
    assert "8 bad utterances (mend them, or leave them out with --on-bad skip)" in message
    for problem in (
        "'missing': .*missing.wav is not there",
        "'empty': .*empty.wav is empty",
        "'cut': its audio is cut off",
        "'': its key is empty",
        r"'odd\\udce4': .*not Unicode",
        "'good': its key is there before it",
        "'late': its audio: a piece starts at 3.000 s",
    ):
        assert re.search(problem, message), problem
    assert [path.name for path in tmp_path.iterdir()] == ["empty.wav"]


def test_bad_utterances_can_be_skipped_and_are_told(tmp_path: Path) -> None:
    told: list[str] = []

    index = write_split(
        tmp_path / "train",
        bad_utterances(tmp_path),
        made_from={},
        on_bad="skip",
        warn=told.append,
    )

    assert [index.row(place).text for place in range(2)] == ["kept", "kept too"]
    assert index.made_from["skipped"] == 8
    assert "8 bad utterances (left out)" in told[0]


def test_one_problem_is_one_line_and_many_are_counted(tmp_path: Path) -> None:
    gone = [Utterance(f"k{i}", tmp_path / f"{i}.wav", "") for i in range(25)]
    with pytest.raises(UserError) as one:
        write_split(tmp_path / "train", gone[:1], made_from={})
    with pytest.raises(UserError) as many:
        write_split(tmp_path / "train", gone, made_from={})

    assert "\n" not in str(one.value)
    assert len(str(many.value).splitlines()) == 12
    assert "and 15 more" in str(many.value)


def test_many_repeated_keys_are_counted(tmp_path: Path) -> None:
    audio = sound(4000)
    with pytest.raises(UserError, match="14 bad utterances"):
        write_split(
            tmp_path / "train",
            [Utterance("same", audio, str(i)) for i in range(15)],
            made_from={},
        )


def test_a_split_without_utterances_is_refused_unless_allowed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no utterances"):
        write_split(tmp_path / "train", [], made_from={})
    assert len(write_split(tmp_path / "part", [], made_from={}, empty=True)) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("a path", "expected ds2kit.types.Utterance"),
        (Utterance("k", "a.wav", ""), "audio is 'a.wav'; expected Path or bytes"),  # type: ignore[arg-type]
        (Utterance("k", b"", None), "text is None; expected str"),  # type: ignore[arg-type]
        (Utterance("k", b"", "", columns={"text": "x"}), "column 'text' has the name"),
        (Utterance("k", b"", "", columns={"age": 7}), "column 'age' is 7; expected str"),  # type: ignore[dict-item]
    ],
)
def test_a_mistake_of_the_recipe_stops_at_once(
    wrong: Utterance, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        write_split(tmp_path / "train", [wrong], made_from={}, on_bad="skip")
    assert not list(tmp_path.iterdir())


def test_interrupting_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Utterance]:
        yield from utterances(11)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_split(tmp_path / "train", interrupted(), made_from={})
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    write_split(tmp_path / "train", utterances(2), made_from={})
    before = contents(tmp_path / "train")

    with pytest.raises(UserError, match="exists already"):
        write_split(tmp_path / "train", utterances(3), made_from={})
    assert contents(tmp_path / "train") == before


FULL = """
import resource, sys
from pathlib import Path
from ds2kit.data.shards import write_split
from ds2kit.errors import UserError
from ds2kit.types import Utterance
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
audio = sys.stdin.buffer.read()
try:
    write_split(Path(sys.argv[1]), [Utterance(str(i), audio, "") for i in range(8)], made_from={})
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize("share", [0.5, 1.05])
def test_a_full_disk_keeps_nothing(share: float, tmp_path: Path) -> None:
    audio = sound(16_000, 1)
    limit = int(share * 8 * len(audio))  # met in the spool, and in the shard

    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "train"), str(limit)],
        input=audio,
        capture_output=True,
        check=True,
    )

    told = done.stdout.decode()
    assert "train could not be written" in told
    assert "File too large" in told
    assert len(told.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_audio(tmp_path: Path) -> None:
    audio = sound(160_000, 0)

    def many(count: int) -> Iterator[Utterance]:
        for i in range(count):
            yield Utterance(f"{i:04d}", audio, "")

    tracemalloc.start()
    index = write_split(tmp_path / "many", many(150), made_from={}, shard_bytes=1 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    written = sum(path.stat().st_size for path in index.folder.iterdir())
    assert peak < written / 3


def test_json_members_are_json(tmp_path: Path) -> None:
    index = write_split(tmp_path / "train", utterances(3), made_from={})

    with tarfile.open(index.folder / "000000.tar") as tar:
        members = tar.getmembers()
        abouts = [json.load(tar.extractfile(m)) for m in members if m.name.endswith(".json")]  # type: ignore[arg-type]

    assert [about["key"] for about in abouts] == index.keys
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}
