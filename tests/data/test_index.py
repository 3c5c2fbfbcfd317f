"""The index of a split: what it holds, what it refuses, and lengths as they are read."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ds2kit.audio.read import resampled_length
from ds2kit.data.index import (
    FILE,
    SCHEMA,
    Index,
    Row,
    by_duration,
    payload,
    splits_in,
    write_index,
)
from ds2kit.errors import UserError

RATES = [8000, 16000, 44100]


def table_of(count: int) -> pa.Table:
    """Rows whose durations are far from in order, with one further column."""
    generator = np.random.default_rng(0)
    further = pa.field("accent", pa.large_string(), nullable=False)
    return pa.table(
        {
            "key": [f"k{i:03d}" for i in range(count)],
            "shard": ["000000.tar"] * count,
            "offset": np.arange(count) * 1024 + 512,
            "bytes": np.full(count, 300),
            "samples": generator.integers(100, 200_000, count),
            "sample_rate": generator.choice(RATES, count),
            "text": [f"text {i}" for i in range(count)],
            "speaker": [f"s{i % 3}" for i in range(count)],
            "crc32": np.full(count, zlib.crc32(b"")),
            "accent": ["Indian" if i % 2 else "" for i in range(count)],
        },
        schema=pa.schema([*SCHEMA, further]),
    )


@pytest.fixture
def index(tmp_path: Path) -> Index:
    folder = tmp_path / "data" / "train"
    folder.mkdir(parents=True)
    table = table_of(50)
    write_index(folder, table.take(by_duration(table)), {"prepare": "abc"})
    return Index.load(folder)


def test_is_in_order_of_duration_and_keeps_every_row(index: Index) -> None:
    given = {row["key"]: row for row in table_of(50).to_pylist()}

    assert len(index) == 50
    assert (np.diff(index.seconds) >= 0).all()
    for place, key in enumerate(index.keys):
        row, expected = index.row(place), given[key]
        assert dataclasses.asdict(row) == {
            **{name: expected[name] for name in SCHEMA.names if name != "bytes"},
            "size": expected["bytes"],
            "columns": {"accent": expected["accent"]},
        }
        assert index.seconds[place] == row.samples / row.sample_rate
        assert (index.texts[place], index.speakers[place]) == (row.text, row.speaker)


def test_equal_durations_are_in_order_of_key() -> None:
    table = table_of(30)
    same = pa.array([16000] * 30, pa.int64())
    for column in ("samples", "sample_rate"):
        table = table.set_column(table.schema.get_field_index(column), column, same)
    shuffled = table.take(np.random.default_rng(1).permutation(30))

    keys = shuffled.take(by_duration(shuffled)).column("key").to_pylist()

    assert keys == sorted(keys)


@pytest.mark.parametrize("sample_rate", [8000, 16000])
def test_lengths_are_those_that_reading_gives(index: Index, sample_rate: int) -> None:
    drawn = np.random.default_rng(2).choice([0.9, 1.0, 1.1], len(index))
    expected = [
        resampled_length(row.samples, row.sample_rate, sample_rate, float(speed))
        for row, speed in zip(map(index.row, range(len(index))), drawn, strict=True)
    ]

    assert index.samples_at(sample_rate, drawn).tolist() == expected
    same = index.samples_at(sample_rate, 0.9)
    assert same.tolist() == index.samples_at(sample_rate, np.full(len(index), 0.9)).tolist()
    assert same.dtype == np.int64


def test_digest_and_making_are_those_of_the_file(index: Index) -> None:
    content = (index.folder / FILE).read_bytes()

    assert index.digest == hashlib.sha256(content).hexdigest()
    assert index.made_from == {"prepare": "abc", "format": 1}


def test_a_column_is_found_by_name_the_corpuss_own_and_seconds_too(index: Index) -> None:
    assert index.column("speaker") == index.speakers
    assert index.column("samples") == index.samples.tolist()
    assert index.column("seconds") == index.seconds.tolist()
    assert [bool(accent) for accent in index.column("accent")] == [
        key[-1] in "13579" for key in index.keys
    ]
    with pytest.raises(UserError, match=r"no column 'acent'; did you mean 'accent'\? \(there are:"):
        index.column("acent")


def test_a_text_that_is_missing_is_empty(tmp_path: Path) -> None:
    table = table_of(2).append_column("age", pa.array(["30", None], pa.large_string()))
    write_index(tmp_path, table, {})

    assert Index.load(tmp_path).column("age") == ["30", ""]


def test_goes_to_other_processes(index: Index) -> None:
    copied = pickle.loads(pickle.dumps(index))

    assert copied.row(7) == index.row(7)


def test_a_missing_split_names_those_that_are_there(index: Index) -> None:
    data = index.folder.parent
    with pytest.raises(UserError, match=r"'trian' is missing in .*did you mean 'train'\?") as error:
        Index.load(data / "trian")
    assert "splits there: train" in str(error.value)
    with pytest.raises(UserError, match=r"no folder .*ds2kit prepare"):
        Index.load(data / "nowhere" / "train")
    assert splits_in(data) == ["train"]
    assert splits_in(data / "nowhere") == []


def test_foreign_files_are_refused(index: Index) -> None:
    path = index.folder / FILE
    table = index.table
    for content, message in (
        (table.replace_schema_metadata(None), "not an index of ds2kit's"),
        (table.replace_schema_metadata({"ds2kit": '{"format": 99}'}), "format 99"),
        (table.drop_columns("crc32"), "no column crc32"),
    ):
        pq.write_table(content, path)
        with pytest.raises(UserError, match=message):
            Index.load(index.folder)
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(UserError, match="no Parquet file") as raised:
        Index.load(index.folder)
    assert "\n" not in str(raised.value)


def test_a_changed_byte_is_named() -> None:
    data = b"the bytes of a recording"
    row = Row("a/b.c", "000003.tar", 512, len(data), 1, 16000, "", "", zlib.crc32(data), {})

    assert payload(Path("train"), row, data) == data
    flipped = bytes([data[0] ^ 1]) + data[1:]
    for broken, found in ((flipped, "a wrong checksum"), (data[:-1], f"{len(data) - 1} of")):
        with pytest.raises(UserError, match=rf"000003\.tar: utterance 'a/b\.c' is .*{found}"):
            payload(Path("train"), row, broken)


def test_loads_a_million_rows_without_an_object_each(tmp_path: Path) -> None:
    count = 1_000_000
    table = pa.table(
        {
            field.name: np.arange(1, count + 1)
            if field.type == pa.int64()
            else pa.array(["a"], pa.large_string()).take(pa.array(np.zeros(count, np.int64)))
            for field in SCHEMA
        },
        schema=SCHEMA,
    )
    write_index(tmp_path, table, {})
    before = pa.total_allocated_bytes()

    index = Index.load(tmp_path)

    assert pa.total_allocated_bytes() - before < 150 * count
    assert index.seconds.shape == (count,)
