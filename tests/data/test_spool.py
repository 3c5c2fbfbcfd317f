"""The first pass: in order, a bounded number at a time, repeated keys found without a set."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.audio.write import wav
from ds2kit.data.index import SCHEMA
from ds2kit.data.spool import UNDER_WAY, joined, repeated, spool
from ds2kit.types import Utterance


def utterances(count: int) -> Iterator[Utterance]:
    for i in range(count):
        audio = wav(np.linspace(-0.5, 0.5, 100 + i), 8000)
        yield Utterance(f"k{i}", audio, str(i), columns={f"c{i % 2}": "x"})


def table_of(keys: list[str], **further: list[str]) -> pa.Table:
    numbers = {field.name: [0] * len(keys) for field in SCHEMA if field.type == pa.int64()}
    texts = {name: [""] * len(keys) for name in ("shard", "text", "speaker")}
    extra = [pa.field(name, pa.large_string()) for name in further]
    return pa.table(
        {"key": keys, **numbers, **texts, **further}, schema=pa.schema([*SCHEMA, *extra])
    )


def test_rows_find_the_spooled_bytes_in_the_order_they_came() -> None:
    file = io.BytesIO()
    told: list[tuple[str, int]] = []

    spooled, bad = spool(utterances(20), file, workers=3, progress=lambda *step: told.append(step))

    assert bad.count == 0
    assert told == [("read", done) for done in range(1, 21)]
    rows = spooled.table.to_pylist()
    assert [row["key"] for row in rows] == [f"k{i}" for i in range(20)]
    assert [row["samples"] for row in rows] == list(range(100, 120))
    for row in rows:
        assert file.getvalue()[row["offset"] :][: row["bytes"]].startswith(b"fLaC")


@pytest.mark.parametrize("workers", [1, 3])
def test_only_a_few_are_taken_before_they_are_written(workers: int) -> None:
    taken = written = most = 0

    def counted() -> Iterator[Utterance]:
        nonlocal taken, most
        for utterance in utterances(60):
            taken += 1
            most = max(most, taken - written)
            yield utterance

    def progress(stage: str, done: int) -> None:
        nonlocal written
        written = done

    spool(counted(), io.BytesIO(), workers=workers, progress=progress)

    assert most <= UNDER_WAY * workers + 1


@given(keys=st.lists(st.sampled_from("abcdefg"), max_size=20))
def test_repeated_keys_are_all_but_the_first(keys: list[str]) -> None:
    later = [place for place, key in enumerate(keys) if key in keys[:place]]

    chunks = pa.concat_tables([table_of(keys[:3]), table_of(keys[3:])])

    assert repeated(chunks).tolist() == later


def test_joining_fills_columns_that_one_lacks() -> None:
    table = joined([table_of(["a"], noise=["street"]), table_of(["b"], accent=["none"])])

    assert table.column_names == [*SCHEMA.names, "accent", "noise"]
    assert table.column("accent").to_pylist() == ["", "none"]
    assert table.column("noise").to_pylist() == ["street", ""]
    assert not any(field.nullable for field in table.schema)
