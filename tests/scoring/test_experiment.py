"""Scoring a decode in its experiment, with a real index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ds2kit.data.index import FORMAT, SCHEMA, Index
from ds2kit.errors import UserError
from ds2kit.scoring.experiment import check_words, score_experiment
from ds2kit.scoring.report import Row, report
from ds2kit.types import Score

SAID = {"a": "one two three", "b/c.d": "four", "e": "five  six"}
HEARD = {"e": "five six", "b/c.d": "for four", "a": "one two"}


def prepare(split: Path, said: dict[str, str]) -> None:
    """An index of such utterances; scoring reads no audio."""
    audio = {"shard": "000000.tar", "offset": 0, "bytes": 1, "samples": 8000, "sample_rate": 8000}
    rows = [
        {"key": key, "text": text, "speaker": "ann", "crc32": 0, **audio}
        for key, text in said.items()
    ]
    schema = SCHEMA.with_metadata({"ds2kit": json.dumps({"format": FORMAT})})
    split.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), split / "index.parquet")


def decode(experiment: Path, data: str, index: Path, decoder: str = "greedy") -> Path:
    """What `ds2kit decode` leaves."""
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
    write_hypotheses(folder, HEARD)
    return folder


def write_hypotheses(folder: Path, heard: dict[str, str]) -> None:
    lines = [json.dumps({"key": key, "text": text, "score": -1.5}) for key, text in heard.items()]
    (folder / "hypotheses.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    prepare(tmp_path / "data" / "test", SAID)
    return tmp_path / "data"


@pytest.fixture
def experiment(tmp_path: Path, data: Path) -> Path:
    decode(tmp_path / "exp", str(data), data / "test")
    return tmp_path / "exp"


def folder_of(experiment: Path) -> Path:
    return experiment / "decode" / "test" / "greedy"


def test_scores_every_utterance_and_writes_both_files(experiment: Path) -> None:
    scored = score_experiment(experiment, "test")

    assert scored.report.words.score == Score(0, 1, 1, 6)
    assert (scored.split, scored.decoder) == ("test", "greedy")
    written = json.loads((folder_of(experiment) / "score.json").read_text())
    assert written == scored.to_json()
    assert written["settings"]["model_digest"] == "1234"
    assert (folder_of(experiment) / "score.txt").read_text() == scored.to_text() + "\n"
    assert scored.to_text().startswith("test, greedy: 3 utterances, 6 words, 1 speaker;")


def test_scoring_again_replaces_the_score(experiment: Path) -> None:
    score_experiment(experiment, "test")
    write_hypotheses(folder_of(experiment), SAID)

    score_experiment(experiment, "test", normaliser_name="plain")

    written = json.loads((folder_of(experiment) / "score.json").read_text())
    assert (written["wer"]["errors"], written["normaliser"]) == (0, "plain")


def test_data_may_be_relative_or_moved(tmp_path: Path, data: Path) -> None:
    decode(tmp_path / "exp", "../../../../data", data / "test")
    assert score_experiment(tmp_path / "exp", "test").report.utterances == 3

    data.rename(tmp_path / "moved")

    with pytest.raises(UserError, match="--data"):
        score_experiment(tmp_path / "exp", "test")
    moved = score_experiment(tmp_path / "exp", "test", data=tmp_path / "moved")
    assert moved.report.utterances == 3


def test_a_changed_index_is_refused(experiment: Path, data: Path) -> None:
    prepare(data / "test", {**SAID, "a": "another text"})

    with pytest.raises(UserError, match="not the one that was decoded; remove"):
        score_experiment(experiment, "test")
    assert not (folder_of(experiment) / "score.json").exists()


@pytest.mark.parametrize(
    ("heard", "problem"),
    [
        ({"a": "one"}, r"greedy: 2 references have no hypothesis \(b/c\.d, e\)"),
        ({**HEARD, "x": "six"}, r"1 hypotheses have no reference \(x\)"),
    ],
)
def test_other_keys_are_refused(experiment: Path, heard: dict[str, str], problem: str) -> None:
    write_hypotheses(folder_of(experiment), heard)

    with pytest.raises(UserError, match=problem):
        score_experiment(experiment, "test")
    assert not (folder_of(experiment) / "score.json").exists()


@pytest.mark.parametrize(
    "line", [b'{"key": "e", "te', b"[1]", b'{"key": "e"}', b'{"key": 1, "text": ""}', b"\xff"]
)
def test_a_damaged_line_is_named(experiment: Path, line: bytes) -> None:
    with (folder_of(experiment) / "hypotheses.jsonl").open("ab") as file:
        file.write(line)

    with pytest.raises(UserError, match=r"hypotheses\.jsonl, line 4: no JSON object"):
        score_experiment(experiment, "test")


def test_several_decoders_are_chosen_from(experiment: Path, data: Path) -> None:
    decode(experiment, str(data), data / "test", decoder="beam")

    with pytest.raises(UserError, match="decoded by beam, greedy; choose one with --decoder"):
        score_experiment(experiment, "test")
    with pytest.raises(UserError, match=r"'gredy'; did you mean 'greedy'\? \(only by: beam, gr"):
        score_experiment(experiment, "test", decoder="gredy")
    assert score_experiment(experiment, "test", decoder="beam").decoder == "beam"


def test_a_missing_decode_says_how_to_make_one(experiment: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'tset'; did you mean 'test'\?.*`ds2kit decode .* tset`"):
        score_experiment(experiment, "tset")
    (folder_of(experiment) / "hypotheses.jsonl").unlink()
    with pytest.raises(UserError, match=r"has no hypotheses\.jsonl; `ds2kit decode .* test`"):
        score_experiment(experiment, "test")
    with pytest.raises(UserError, match="no such folder"):
        score_experiment(tmp_path / "nowhere", "test")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (None, "settings.json is missing"),
        ("{", "settings.json is no JSON"),
        ("[]", "does not say 'data'"),
        ('{"data": "x"}', "does not say 'index_digest'"),
    ],
)
def test_damaged_settings_are_refused(experiment: Path, settings: str | None, problem: str) -> None:
    path = folder_of(experiment) / "settings.json"
    path.unlink()
    if settings is not None:
        path.write_text(settings)

    with pytest.raises(UserError, match=problem):
        score_experiment(experiment, "test")


def test_an_unknown_normaliser_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no normaliser is called"):
        score_experiment(tmp_path, "test", normaliser_name="none")


@pytest.mark.parametrize("texts", [["one two", "three"], ["one"], ["one", "two"]])
def test_other_numbers_of_words_are_refused(texts: list[str]) -> None:
    made: Any = report([Row("a", "one two", "one two")])

    check_words(made, ["one  two"])
    with pytest.raises(UserError, match="scored 2 words of 1 utterances, but the index has"):
        check_words(made, texts)


def test_a_score_that_lost_an_utterance_is_not_written(
    experiment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ds2kit.scoring.experiment.report", lambda rows, name: report(rows[1:], name)
    )

    with pytest.raises(UserError, match="scored 3 words of 2 utterances"):
        score_experiment(experiment, "test")
    assert not (folder_of(experiment) / "score.json").exists()
