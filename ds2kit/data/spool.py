"""The first pass over a split: every utterance is decoded once, and its bytes are put aside."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ds2kit.audio.encode import KEPT, Encoded, encoded
from ds2kit.data.index import SCHEMA
from ds2kit.errors import UserError
from ds2kit.types import Utterance

NAMED = 10
"""So many bad utterances are named; the others are counted."""

ROWS = 10_000
"""Rows that are gathered as Python objects before they become a table."""

UNDER_WAY = 4
"""Utterances for each worker that may be in memory at once."""

Progress = Callable[[str, int], None]
"""Told of the stage (`read`, `written`) and how many utterances have passed it."""


@dataclass
class Bad:
    """The bad utterances of a split: how many, and what is wrong with the first few."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, key: str, problem: str) -> None:
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(f"utterance {key!r}: {problem}")

    def describe(self, remedy: str) -> str:
        """One line where one is bad, else a headline and a line each."""
        if self.count == 1:
            return f"{self.named[0]} ({remedy})"
        more = [f"and {self.count - NAMED} more"] if self.count > NAMED else []
        lines = "".join(f"\n  {line}" for line in [*self.named, *more])
        return f"{self.count} bad utterances ({remedy}){lines}"


@dataclass(frozen=True)
class Spooled:
    """The good utterances, in the order they came.

    table:   the index's columns, `shard` empty and `offset` that in the spool
    formats: of each audio, as its place in KEPT: [utterances]
    """

    table: pa.Table
    formats: np.ndarray


def spool(
    utterances: Iterable[Utterance], file: BinaryIO, *, workers: int, progress: Progress
) -> tuple[Spooled, Bad]:
    """Decode each utterance and append its bytes to the file; the order is theirs.

    Raises UserError where what came is no sound Utterance at all: a mistake of the recipe's.
    """
    rows, bad = _Rows(), Bad()
    with closing(_decoded(utterances, workers)) as decoded:
        for done, (utterance, audio) in enumerate(decoded, start=1):
            progress("read", done)
            if isinstance(audio, str):
                bad.add(utterance.key, audio)
                continue
            rows.add(utterance, audio, file.tell())
            file.write(audio.data)
    file.flush()
    return _unique(rows.spooled(), bad), bad


def _decoded(
    utterances: Iterable[Utterance], workers: int
) -> Generator[tuple[Utterance, Encoded | str], None, None]:
    """Each utterance with its audio, or with what is wrong with it; in order."""
    waiting: deque[tuple[Utterance, Future[Encoded | str]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="prepare")
    try:
        for utterance in utterances:
            _check(utterance)
            waiting.append((utterance, pool.submit(_encode, utterance)))
            if len(waiting) >= UNDER_WAY * workers:
                first, audio = waiting.popleft()
                yield first, audio.result()
        for last, audio in waiting:
            yield last, audio.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _encode(utterance: Utterance) -> Encoded | str:
    """The audio as the shard keeps it, or what is wrong with the utterance."""
    if utterance.problem:
        return utterance.problem
    if not utterance.key.strip():
        return "its key is empty"
    texts = [utterance.key, utterance.text, utterance.speaker, *utterance.columns.values()]
    if any("\ud800" <= symbol <= "\udfff" for text in texts for symbol in text):
        return "its key, text, speaker or a column is not Unicode; decode it as it was encoded"
    try:
        return encoded(
            utterance.audio,
            name="" if isinstance(utterance.audio, Path) else "its audio",
            start=utterance.start,
            seconds=utterance.seconds,
            channel=utterance.channel,
        )
    except UserError as error:
        return str(error)


def _check(utterance: object) -> None:
    """Refuse what a recipe must not yield."""
    if not isinstance(utterance, Utterance):
        raise UserError(f"splits() yielded {utterance!r:.80}; expected ds2kit.types.Utterance")
    texts = ("key", "text", "speaker", "problem")
    wanted: dict[str, Any] = {"audio": (Path, bytes), **dict.fromkeys(texts, str)}
    for name, kind in wanted.items():
        value = getattr(utterance, name)
        if not isinstance(value, kind):
            expected = "Path or bytes" if name == "audio" else "str"
            found = f"{name} is {value!r:.80}"
            raise UserError(f"utterance {utterance.key!r}: {found}; expected {expected}")
    for name, value in utterance.columns.items():
        if name in SCHEMA.names:
            raise UserError(
                f"utterance {utterance.key!r}: its column {name!r} has the name of one of the "
                "index's own; call it otherwise"
            )
        if not isinstance(value, str):
            found = f"column {name!r} is {value!r:.80}"
            raise UserError(f"utterance {utterance.key!r}: {found}; expected str")


class _Rows:
    """Rows of the index that grow as tables, not as Python objects."""

    def __init__(self) -> None:
        self._formats = array("B")
        self._gathered: list[dict[str, str | int]] = []
        self._tables = [SCHEMA.empty_table()]

    def add(self, utterance: Utterance, audio: Encoded, offset: int) -> None:
        self._formats.append(KEPT.index(audio.format))
        self._gathered.append(
            {
                "key": utterance.key,
                "shard": "",
                "offset": offset,
                "bytes": len(audio.data),
                "samples": audio.samples,
                "sample_rate": audio.sample_rate,
                "text": utterance.text,
                "speaker": utterance.speaker,
                "crc32": audio.crc32,
                **utterance.columns,
            }
        )
        if len(self._gathered) == ROWS:
            self._close()

    def spooled(self) -> Spooled:
        self._close()
        table = joined(self._tables)
        return Spooled(table, np.frombuffer(self._formats, np.uint8))

    def _close(self) -> None:
        names = dict.fromkeys(name for row in self._gathered for name in row)
        further = [pa.field(name, pa.large_string()) for name in names if name not in SCHEMA.names]
        schema = pa.schema([*SCHEMA, *further])
        self._tables.append(pa.Table.from_pylist(self._gathered, schema))
        self._gathered = []


def joined(tables: list[pa.Table]) -> pa.Table:
    """Tables of utterances one after another; a column that one lacks is empty text there."""
    table = pa.concat_tables(tables, promote_options="default")
    own, further = SCHEMA.names, sorted(set(table.column_names) - set(SCHEMA.names))
    filled = [pc.fill_null(table.column(name), "") for name in further]
    schema = pa.schema([*SCHEMA, *(pa.field(name, pa.large_string(), False) for name in further)])
    return pa.Table.from_arrays([*(table.column(name) for name in own), *filled], schema=schema)


def repeated(table: pa.Table) -> np.ndarray:
    """Places of the utterances whose key an earlier one has, ascending: [repeated]."""
    keys = table.column("key")
    order = pc.sort_indices(keys)  # a stable sort
    keys = keys.take(order)
    same = pc.equal(keys.slice(1), keys.slice(0, max(0, len(keys) - 1)))
    return np.sort(order.to_numpy()[1:][same.to_numpy().astype(bool)])


def _unique(spooled: Spooled, bad: Bad) -> Spooled:
    """Leave out utterances whose key was there before."""
    again = repeated(spooled.table)
    for place in again[:NAMED]:
        bad.add(spooled.table.column("key")[int(place)].as_py(), "its key is there before it")
    bad.count += max(0, len(again) - NAMED)
    keep = np.ones(len(spooled.formats), bool)
    keep[again] = False
    return Spooled(spooled.table.filter(pa.array(keep)), spooled.formats[keep])
