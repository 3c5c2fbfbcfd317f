"""The bytes of utterances out of shards, in few reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ds2kit.data.index import Row, payload
from ds2kit.errors import UserError

NEAR = 16_384
"""Bytes between two utterances that are always read along: less than another read costs."""


@dataclass(frozen=True)
class Range:
    """Bytes [begin, end) of a shard, and which of the wanted utterances lie there."""

    path: Path
    begin: int
    end: int
    members: tuple[int, ...]


def read_payloads(wanted: Sequence[tuple[Path, Row]], *, most_reads: int) -> list[bytes]:
    """The audio of utterances, each given as (folder of its split, row), in their order.

    Raises UserError where a shard is missing, cut off or damaged; key and shard are named.
    """
    found = [b""] * len(wanted)
    for part in ranges(wanted, most_reads=most_reads):
        data = _read(part)
        for member in part.members:
            folder, row = wanted[member]
            begin = row.offset - part.begin
            found[member] = payload(folder, row, data[begin : begin + row.size])
    return found


def ranges(wanted: Sequence[tuple[Path, Row]], *, most_reads: int) -> list[Range]:
    """At most `most_reads` ranges that hold the utterances; a range for each shard at least.

    The smallest gaps between utterances are read along until the ranges are few enough.
    """
    places = [(folder / row.shard, row.offset, row.offset + row.size) for folder, row in wanted]
    order = sorted(range(len(wanted)), key=places.__getitem__)
    gaps: list[tuple[float, int]] = []
    end = 0
    for i, member in enumerate(order):
        path, begin, its_end = places[member]
        if i == 0 or path != places[order[i - 1]][0]:
            gaps.append((float("inf"), i))
            end = its_end
        else:
            gaps.append((begin - end, i))
            end = max(end, its_end)
    shards = sum(gap == float("inf") for gap, _ in gaps)
    largest = sorted(gaps, reverse=True)[: max(most_reads, shards)]
    starts = sorted(i for gap, i in largest if gap > NEAR)
    return [
        _range(places, order[begin:stop])
        for begin, stop in zip(starts, [*starts[1:], len(order)], strict=True)
    ]


def _range(places: Sequence[tuple[Path, int, int]], members: Sequence[int]) -> Range:
    path, begin, _ = places[members[0]]
    return Range(path, begin, max(places[member][2] for member in members), tuple(members))


def _read(part: Range) -> bytes:
    """The bytes of a range; fewer where the file ends."""
    pieces = []
    try:
        descriptor = os.open(part.path, os.O_RDONLY)
        try:
            place = part.begin
            while place < part.end and (piece := os.pread(descriptor, part.end - place, place)):
                pieces.append(piece)
                place += len(piece)
        finally:
            os.close(descriptor)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{part.path} could not be read: {reason}; prepare the split") from error
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
