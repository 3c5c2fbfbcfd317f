"""Utterances to webdataset shards in order of duration, and their index.

A sample is two members of a tar: NAME.flac (ogg, opus, mp3) and NAME.json, a copy for other
programs of what the index says. NAME is the key, percent-encoded, since webdataset cuts a name
at its first dot and takes a slash for a folder; the key as it is stands in index and json.
"""

from __future__ import annotations

import json
import tarfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Literal
from urllib.parse import quote, unquote

import numpy as np
import pyarrow as pa

from ds2kit.audio.encode import KEPT
from ds2kit.data.index import SCHEMA, Index, by_duration, write_index
from ds2kit.data.spool import Progress, Spooled, spool
from ds2kit.errors import UserError
from ds2kit.files import whole_folder
from ds2kit.types import Utterance

SHARD_BYTES = 256 << 20
"""A shard is closed before it grows beyond this."""

OnBad = Literal["refuse", "skip"]


def write_split(
    folder: Path,
    utterances: Iterable[Utterance],
    *,
    made_from: Mapping[str, Any],
    on_bad: OnBad = "refuse",
    empty: bool = False,
    workers: int = 2,
    shard_bytes: int = SHARD_BYTES,
    prefix: str = "",
    progress: Progress = lambda stage, done: None,
    warn: Callable[[str], None] = lambda line: None,
) -> Index:
    """Write the shards and the index of a split; the folder appears whole or not at all.

    The same utterances in the same order give the same bytes, whatever the number of workers.
    Beside a few utterances' audio only the table of all utterances is in memory; the disk holds
    the audio twice until the end.

    made_from: what the index remembers of its making, as JSON can hold it; `skipped` is added
    on_bad:    what to do with utterances whose audio is not there or broken, whose key is empty
               or was there before, or in which the recipe found a problem: `refuse` the split,
               naming them, or `skip` and `warn`
    empty:     whether a split without utterances is in order
    workers:   threads that decode
    prefix:    of the shards' names

    Raises UserError where utterances are bad and refused, where none is left, where a recipe's
    utterance is not one, and where the disk refuses.
    """
    with whole_folder(folder) as aside:
        spool_path = aside / "spool"
        with spool_path.open("w+b") as file:
            spooled, bad = spool(utterances, file, workers=workers, progress=progress)
            if bad.count and on_bad == "refuse":
                remedy = "mend them, or leave them out with --on-bad skip"
                raise UserError(f"{folder}: {bad.describe(remedy)}")
            if not len(spooled.formats) and not empty:
                raise UserError(f"{folder}: no utterances; expected at least one")
            table = _write_shards(aside, spooled, file, shard_bytes, prefix, progress)
        spool_path.unlink()
        write_index(aside, table, {**made_from, "skipped": bad.count})
    if bad.count:
        warn(f"{folder}: {bad.describe('left out')}")
    return Index.load(folder)


def member_name(key: str) -> str:
    """The key as webdataset takes it for one: ASCII without dots and slashes."""
    return quote(key, safe="").replace(".", "%2E")


def member_key(name: str) -> str:
    """The key of a member's name, as `member_name` made it."""
    return unquote(name)


def _write_shards(
    folder: Path,
    spooled: Spooled,
    file: BinaryIO,
    shard_bytes: int,
    prefix: str,
    progress: Progress,
) -> pa.Table:
    """Copy the spooled audio into tars in order of duration: the table of the index."""
    order = by_duration(spooled.table)
    table, formats = spooled.table.take(order), spooled.formats[order]
    shards, offsets = array("q"), array("q")
    with closing(_Shards(folder, shard_bytes, prefix)) as tars:
        for place, row in enumerate(_rows(table)):
            file.seek(row["offset"])
            audio = file.read(row["bytes"])
            shard, offset = tars.add(row, KEPT[formats[place]], audio)
            shards.append(shard)
            offsets.append(offset)
            progress("written", place + 1)
    names = pa.array(tars.names, pa.large_string())
    numbers = pa.array(np.frombuffer(shards, np.int64))
    return _with(
        _with(table, "shard", names.take(numbers)), "offset", pa.array(offsets, pa.int64())
    )


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=1000):
        yield from batch.to_pylist()


def _with(table: pa.Table, column: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(column), SCHEMA.field(column), values)


class _Shards:
    """Tar files one after another, each of a bounded size; nothing in them tells when or where."""

    def __init__(self, folder: Path, shard_bytes: int, prefix: str) -> None:
        self._folder, self._shard_bytes, self._prefix = folder, shard_bytes, prefix
        self._file: BinaryIO | None = None
        self.names: list[str] = []

    def add(self, row: Mapping[str, Any], extension: str, audio: bytes) -> tuple[int, int]:
        """Write a sample: the number of its shard, and where its audio begins there."""
        name = member_name(row["key"])
        header = _header(f"{name}.{extension}", len(audio))
        about = _about(row)
        sample = header + audio + _padding(len(audio), tarfile.BLOCKSIZE)
        sample += _header(f"{name}.json", len(about)) + about
        sample += _padding(len(about), tarfile.BLOCKSIZE)
        file = self._open(len(sample))
        offset = file.tell() + len(header)
        file.write(sample)
        return len(self.names) - 1, offset

    def close(self) -> None:
        if self._file is None:
            return
        # A tar ends with two empty blocks and is a whole number of records.
        end = bytes(2 * tarfile.BLOCKSIZE)
        with self._file as file:
            file.write(end + _padding(file.tell() + len(end), tarfile.RECORDSIZE))
        self._file = None

    def _open(self, size: int) -> BinaryIO:
        """The shard that has room for so many bytes more."""
        end = tarfile.RECORDSIZE
        if self._file is not None and self._file.tell() + size + end > self._shard_bytes:
            self.close()
        if self._file is None:
            self.names.append(f"{self._prefix}{len(self.names):06d}.tar")
            self._file = (self._folder / self.names[-1]).open("wb")
        return self._file


def _about(row: Mapping[str, Any]) -> bytes:
    """The json member of a sample."""
    further = {name: value for name, value in row.items() if name not in SCHEMA.names}
    about = {name: row[name] for name in ("key", "text", "speaker", "samples", "sample_rate")}
    about["seconds"] = row["samples"] / row["sample_rate"]
    return json.dumps({**about, "columns": further}, ensure_ascii=False).encode()


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def _padding(size: int, block: int) -> bytes:
    return bytes(-size % block)
