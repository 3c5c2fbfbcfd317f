"""`ds2kit compare` prints whether two systems differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ds2kit.cli.main import cli
from ds2kit.data.index import FORMAT, SCHEMA
from ds2kit.errors import UserError

SAID = {"a": "今天好 ok", "b": "好"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two programs' hypotheses of data/test."""
    numbers = {"offset": 0, "bytes": 1, "samples": 8000, "sample_rate": 8000, "crc32": 0}
    rows = [
        {"key": k, "text": t, "speaker": "", "shard": "0.tar"} | numbers for k, t in SAID.items()
    ]
    schema = SCHEMA.with_metadata({"ds2kit": json.dumps({"format": FORMAT})})
    (tmp_path / "data" / "test").mkdir(parents=True)
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, tmp_path / "data" / "test" / "index.parquet")
    monkeypatch.chdir(tmp_path)
    hear("first", {"a": "今天好 ok", "b": "号"})
    hear("second", {"a": "今好 ok!", "b": "好"})


def hear(program: str, heard: Mapping[str, str]) -> None:
    folder = Path("others", "decode", "test", program)
    folder.mkdir(parents=True)
    lines = [json.dumps({"key": key, "text": text}) for key, text in heard.items()]
    (folder / "hypotheses.jsonl").write_text("\n".join(lines))


COMMAND = ["compare", "others:first", "others:second", "test", "--data", "data"]


def test_prints_the_text() -> None:
    result = CliRunner().invoke(cli, COMMAND)

    assert result.exit_code == 0
    assert "B: others/decode/test/second" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("CER: no difference is shown")


def test_prints_one_json_object_in_one_line() -> None:
    result = CliRunner().invoke(cli, [*COMMAND, "--json", "--normaliser", "plain", "--pinyin"])

    assert result.stdout.count("\n") == 1
    printed = json.loads(result.stdout)
    assert [one["decoder"] for one in printed["systems"]] == ["first", "second"]
    assert printed["normaliser"] == "plain"
    assert printed["cer_without_spaces"]["difference"] == 0
    assert printed["pinyin_with_tones"]["second"]["deletions"] == 1


def test_a_mistake_is_the_users_and_prints_nothing() -> None:
    hear("third", {"a": ""})

    result = CliRunner().invoke(cli, ["compare", "others:first", "others:third", *COMMAND[3:]])

    assert isinstance(result.exception, UserError)
    assert "third: references without hypothesis: 1 (b); every" in str(result.exception)
    assert result.stdout == ""
