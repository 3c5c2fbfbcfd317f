"""Few reads of a shard, and every utterance's own bytes."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.data.index import Row
from ds2kit.data.reading import NEAR, ranges, read_payloads
from ds2kit.errors import UserError


def row(shard: str, offset: int, data: bytes, key: str = "") -> Row:
    key = key or f"{shard}@{offset}"
    return Row(key, shard, offset, len(data), 1, 1, "", "", zlib.crc32(data), {})


places = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 300_000), st.integers(1, 5000)),
    min_size=1,
    max_size=30,
)


@given(places=places, most_reads=st.integers(1, 8))
def test_ranges_are_few_and_hold_everything(
    places: list[tuple[int, int, int]], most_reads: int
) -> None:
    wanted = [
        (Path("split"), row(f"{shard}.tar", begin, b"x" * size)) for shard, begin, size in places
    ]

    found = ranges(wanted, most_reads=most_reads)

    assert len(found) <= max(most_reads, len({shard for shard, _, _ in places}))
    members = [member for part in found for member in part.members]
    assert sorted(members) == list(range(len(wanted)))
    for part in found:
        assert part.begin == min(wanted[m][1].offset for m in part.members)
        for member in part.members:
            its_row = wanted[member][1]
            assert part.path == Path("split") / its_row.shard
            assert part.begin <= its_row.offset
            assert its_row.offset + its_row.size <= part.end


def test_the_smallest_gaps_are_read_along() -> None:
    offsets = [0, 100_000, 140_000, 500_000, 505_000]
    wanted = [(Path("split"), row("a.tar", offset, b"x" * 1000)) for offset in offsets]

    assert [part.members for part in ranges(wanted, most_reads=3)] == [(0,), (1, 2), (3, 4)]
    # Neighbours are one read even where more are allowed.
    assert [part.members for part in ranges(wanted, most_reads=9)] == [(0,), (1,), (2,), (3, 4)]
    assert NEAR > 4000


def test_utterances_come_in_the_order_they_were_asked_for(tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(200_000)
    (tmp_path / "a.tar").write_bytes(data)
    (tmp_path / "b.tar").write_bytes(data[::-1])
    wanted = [
        (tmp_path, row("b.tar", 10, data[::-1][10:500])),
        (tmp_path, row("a.tar", 150_000, data[150_000:150_100])),
        (tmp_path, row("a.tar", 0, data[:7])),
        (tmp_path, row("a.tar", 150_000, data[150_000:150_100])),
    ]

    found = read_payloads(wanted, most_reads=2)

    assert found == [data[::-1][10:500], data[150_000:150_100], data[:7], data[150_000:150_100]]


def test_a_shard_that_is_cut_off_is_named_with_the_key(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"x" * 100)
    with pytest.raises(UserError, match=r"a\.tar.*'mine'.*50 of 60 bytes"):
        read_payloads([(tmp_path, row("a.tar", 50, b"x" * 60, "mine"))], most_reads=1)
