"""The index of a prepared split: one row an utterance, in order of duration, then key.

`DATA/SPLIT/index.parquet` is authoritative. Its columns:

    key          unique in the split
    shard        name of the tar file beside the index
    offset       of the first byte of the audio in that file
    bytes        of the audio
    samples      of the recording, at its own rate, of each channel
    sample_rate  hertz, the recording's own
    text         as it is to be scored
    speaker      may be empty
    crc32        of the audio's bytes

and after them the corpus's further columns as text, by their own names (none may have a name of
the list). The file's metadata holds what it was made from: key `ds2kit`, a JSON object.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ds2kit.audio.read import resampled_length
from ds2kit.errors import UserError, close_name

FILE = "index.parquet"
"""Name of the index in the folder of a split."""

FORMAT = 1
"""Version of the layout of index and shards."""

SCHEMA = pa.schema(
    [
        pa.field("key", pa.large_string(), nullable=False),
        pa.field("shard", pa.large_string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("samples", pa.int64(), nullable=False),
        pa.field("sample_rate", pa.int64(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("speaker", pa.large_string(), nullable=False),
        pa.field("crc32", pa.int64(), nullable=False),
    ]
)
"""The columns that every index has; further ones are large_string too."""


@dataclass(frozen=True)
class Row:
    """One utterance as the index knows it; `size` is the column `bytes`."""

    key: str
    shard: str
    offset: int
    size: int
    samples: int
    sample_rate: int
    text: str
    speaker: str
    crc32: int
    columns: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Index:
    """A prepared split: its folder, and the table of its utterances in order of duration."""

    folder: Path
    table: pa.Table

    @classmethod
    def load(cls, folder: Path) -> Index:
        """The index in the folder of a split.

        Raises UserError where the split is missing (it names those that are there) or where the
        file is not an index of ds2kit's.
        """
        path = folder / FILE
        if not path.is_file():
            raise UserError(_missing(folder))
        try:
            table = pq.read_table(path, memory_map=True)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{path} is no Parquet file: {reason}; prepare the split") from error
        _check(path, table.schema)
        return cls(folder, table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def made_from(self) -> dict[str, Any]:
        """What the split was made from, as `write_split` was told."""
        found: dict[str, Any] = json.loads(self.table.schema.metadata[b"ds2kit"])
        return found

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the index file, in hexadecimal."""
        with (self.folder / FILE).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def samples(self) -> NDArray[np.int64]:
        """Samples of each recording at its own rate: [utterances]."""
        return self._numbers("samples")

    @cached_property
    def sample_rates(self) -> NDArray[np.int64]:
        """Hertz: [utterances]."""
        return self._numbers("sample_rate")

    @cached_property
    def seconds(self) -> NDArray[np.float64]:
        """Duration of each utterance: [utterances], ascending."""
        return self.samples / self.sample_rates

    @cached_property
    def keys(self) -> list[str]:
        return self._texts("key")

    @cached_property
    def texts(self) -> list[str]:
        return self._texts("text")

    @cached_property
    def speakers(self) -> list[str]:
        return self._texts("speaker")

    def samples_at(
        self, sample_rate: int, speed: float | NDArray[np.float64] = 1.0
    ) -> NDArray[np.int64]:
        """Samples that `audio.read` gives for each utterance, exactly: [utterances].

        speed: one for all, or one for each: [utterances]
        """
        speeds = np.broadcast_to(np.asarray(speed, np.float64), len(self))
        lengths = np.zeros(len(self), np.int64)
        for rate in np.unique(self.sample_rates):
            same_rate = self.sample_rates == rate
            for drawn in np.unique(speeds[same_rate]):
                where = same_rate & (speeds == drawn)
                lengths[where] = resampled_length(
                    self.samples[where], int(rate), sample_rate, float(drawn)
                )
        return lengths

    def row(self, utterance: int) -> Row:
        """Everything about one utterance, by its place in the index."""
        found = self.table.slice(utterance, 1).to_pylist()[0]
        known = {name: found.pop(name) for name in SCHEMA.names}
        return Row(size=known.pop("bytes"), columns=found, **known)

    def column(self, name: str) -> list[Any]:
        """A column as it is, one value an utterance; `seconds` is the duration.

        An utterance that its corpus says nothing of in this column has an empty text.
        Raises UserError, which names those there are, where there is none of that name.
        """
        if name == "seconds":
            durations: list[float] = self.seconds.tolist()
            return durations
        names = self.table.column_names
        if name not in names:
            there = ", ".join([*names, "seconds"])
            raise UserError(
                f"{self.folder / FILE} has no column '{name}'{close_name(name, names)} "
                f"(there are: {there})"
            )
        values = self.table.column(name).to_pylist()
        return ["" if value is None else value for value in values]

    def _numbers(self, column: str) -> NDArray[np.int64]:
        numbers: NDArray[np.int64] = self.table.column(column).to_numpy()
        return numbers

    def _texts(self, column: str) -> list[str]:
        texts: list[str] = self.table.column(column).to_pylist()
        return texts


def payload(folder: Path, row: Row, data: bytes) -> bytes:
    """The bytes of an utterance's audio, as they were read from its shard, once checked.

    Raises UserError, with key and shard, where they are not those that were written.
    """
    if len(data) == row.size and zlib.crc32(data) == row.crc32:
        return data
    found = f"{len(data)} of {row.size} bytes" if len(data) != row.size else "a wrong checksum"
    raise UserError(
        f"{folder / row.shard}: utterance {row.key!r} is damaged ({found}); remove the folder "
        "and prepare the split again"
    )


def by_duration(table: pa.Table) -> NDArray[np.int64]:
    """The order of an index: places of its utterances by duration, then key."""
    samples, rates = table.column("samples").to_numpy(), table.column("sample_rate").to_numpy()
    keyed = pa.table({"seconds": samples / rates, "key": table.column("key")})
    order = pc.sort_indices(keyed, [("seconds", "ascending"), ("key", "ascending")])
    places: NDArray[np.int64] = order.to_numpy().astype(np.int64)
    return places


def write_index(folder: Path, table: pa.Table, made_from: Mapping[str, Any]) -> None:
    """Write a table that is in order; made_from is kept in the file's metadata."""
    metadata = json.dumps({**made_from, "format": FORMAT}, sort_keys=True)
    table = table.replace_schema_metadata({"ds2kit": metadata})
    pq.write_table(table, folder / FILE, compression="zstd")


def splits_in(data: Path) -> list[str]:
    """Names of the prepared splits of a folder, sorted."""
    if not data.is_dir():
        return []
    return sorted(
        folder.name
        for folder in data.iterdir()
        if (folder / FILE).is_file() and not folder.name.startswith(".")
    )


def _missing(folder: Path) -> str:
    data, split = folder.parent, folder.name
    if not data.is_dir():
        return f"split {split!r} is missing: there is no folder {data}; run `ds2kit prepare` first"
    there = splits_in(data)
    hint = close_name(split, there)
    names = ", ".join(there) or "none"
    return f"split {split!r} is missing in {data}{hint} (splits there: {names})"


def _check(path: Path, schema: pa.Schema) -> None:
    """Refuse a Parquet file that is not an index."""
    metadata = schema.metadata or {}
    if b"ds2kit" not in metadata:
        raise UserError(f"{path} is not an index of ds2kit's; run `ds2kit prepare` to make one")
    found = json.loads(metadata[b"ds2kit"]).get("format")
    if found != FORMAT:
        raise UserError(
            f"{path} has format {found}; this version of ds2kit reads {FORMAT}; prepare it again"
        )
    for field in SCHEMA:
        place = schema.get_field_index(field.name)
        if place < 0 or schema.field(place).type != field.type:
            raise UserError(f"{path} has no column {field.name} of {field.type}; prepare it again")
