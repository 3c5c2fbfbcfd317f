"""`ds2kit score` prints what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from ds2kit.cli.main import cli
from ds2kit.data.index import FORMAT, SCHEMA, Index
from ds2kit.errors import UserError


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    split = tmp_path / "data" / "test"
    split.mkdir(parents=True)
    row = {"key": "a", "text": "今天 it's", "speaker": "", "shard": "0.tar", "crc32": 0}
    numbers = {"offset": 0, "bytes": 1, "samples": 8000, "sample_rate": 8000}
    schema = SCHEMA.with_metadata({"ds2kit": json.dumps({"format": FORMAT})})
    pq.write_table(pa.Table.from_pylist([row | numbers], schema=schema), split / "index.parquet")
    folder = tmp_path / "exp" / "decode" / "test" / "greedy"
    folder.mkdir(parents=True)
    digest = Index.load(split).digest
    settings = {"data": str(tmp_path / "data"), "index_digest": digest}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "hypotheses.jsonl").write_text('{"key": "a", "text": "今天 It\'s!"}\n')
    return tmp_path / "exp"


def test_prints_the_text_that_it_writes(experiment: Path) -> None:
    result = CliRunner().invoke(cli, ["score", str(experiment), "test"])

    assert result.exit_code == 0
    written = experiment / "decode" / "test" / "greedy" / "score.txt"
    assert result.stdout == written.read_text(encoding="utf-8")
    assert "normaliser: prepared" in result.stdout


def test_prints_one_json_object_in_one_line(experiment: Path) -> None:
    chosen = ["--json", "--normaliser", "plain", "--decoder", "greedy"]
    result = CliRunner().invoke(cli, ["score", str(experiment), "test", *chosen])

    assert result.stdout.count("\n") == 1
    printed = json.loads(result.stdout)
    written = experiment / "decode" / "test" / "greedy" / "score.json"
    assert printed == json.loads(written.read_text(encoding="utf-8"))
    assert (printed["wer"]["errors"], printed["normaliser"]) == (0, "plain")


def test_a_mistake_is_the_users_and_prints_nothing(experiment: Path) -> None:
    result = CliRunner().invoke(cli, ["score", str(experiment), "dev"])

    assert isinstance(result.exception, UserError)
    assert "ds2kit decode" in str(result.exception)
    assert result.stdout == ""


def test_slices_syllables_and_transcripts_are_asked_for(experiment: Path, tmp_path: Path) -> None:
    chosen = ["--by", "text", "--by", "seconds:2", "--pinyin", "--trn", str(tmp_path / "trn")]
    result = CliRunner().invoke(cli, ["score", str(experiment), "test", "--json", *chosen])

    printed = json.loads(result.stdout)
    assert list(printed["slices"]) == ["text", "seconds"]
    # jin1 tian1 it's, and jin1 tian1 It's!
    assert printed["pinyin_with_tones"]["units"] == 3
    assert printed["pinyin_without_tones"]["errors"] == 1
    assert (tmp_path / "trn" / "hyp.trn").read_text() == "今天 It's! (unknown-a)\n"
