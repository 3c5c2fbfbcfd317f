"""What `ds2kit prepare` and `ds2kit decode` leave, made by hand: scoring reads no audio."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ds2kit.data.index import FORMAT, SCHEMA, Index

SAID = {"a": "one two three", "b/c.d": "four", "e": "five  six"}
HEARD = {"e": "five six", "b/c.d": "for four", "a": "one two"}

Prepare = Callable[..., None]
Decode = Callable[..., Path]


@pytest.fixture
def prepare() -> Prepare:
    """Make the index of a split: keys and texts, further columns by key, seconds 1, 2, ..."""

    def prepared(
        split: Path, said: Mapping[str, str], *, speaker: str = "ann", **columns: Mapping[str, str]
    ) -> None:
        rows = [
            {
                "key": key,
                "text": text,
                "speaker": speaker,
                "crc32": 0,
                "shard": "000000.tar",
                "offset": 0,
                "bytes": 1,
                "samples": 8000 * place,
                "sample_rate": 8000,
                **{name: values[key] for name, values in columns.items()},
            }
            for place, (key, text) in enumerate(said.items(), start=1)
        ]
        further = [pa.field(name, pa.large_string(), nullable=False) for name in columns]
        schema = pa.schema([*SCHEMA, *further]).with_metadata(
            {"ds2kit": json.dumps({"format": FORMAT})}
        )
        split.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), split / "index.parquet")

    return prepared


@pytest.fixture
def decode() -> Decode:
    """Make the folder of a decoded split `test`; `data` is written as it is given."""

    def decoded(
        experiment: Path,
        data: str,
        index: Path,
        decoder: str = "greedy",
        heard: Mapping[str, str] = HEARD,
    ) -> Path:
        folder = experiment / "decode" / "test" / decoder
        folder.mkdir(parents=True)
        settings = {
            "data": data,
            "split": "test",
            "decoder": {"name": decoder},
            "model_digest": "1234",
            "index_digest": Index.load(index).digest,
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        lines = [json.dumps({"key": key, "text": text}) + "\n" for key, text in heard.items()]
        (folder / "hypotheses.jsonl").write_text("".join(lines))
        return folder

    return decoded


@pytest.fixture
def data(tmp_path: Path, prepare: Prepare) -> Path:
    prepare(tmp_path / "data" / "test", SAID)
    return tmp_path / "data"


@pytest.fixture
def decoded(tmp_path: Path, data: Path, decode: Decode) -> Path:
    """The folder exp/decode/test/greedy."""
    return decode(tmp_path / "exp", str(data), data / "test")


@pytest.fixture
def experiment(decoded: Path) -> Path:
    return decoded.parents[2]
