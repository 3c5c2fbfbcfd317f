"""Scoring and comparing what was decoded, with a real index."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ds2kit.errors import UserError
from ds2kit.scoring.experiment import check_words, compare_experiments, score_experiment
from ds2kit.scoring.report import report
from ds2kit.scoring.rows import Row
from ds2kit.types import Score

SAID = {"a": "one two three", "b/c.d": "four", "e": "five  six"}


def test_scores_every_utterance_and_writes_both_files(experiment: Path, decoded: Path) -> None:
    scored = score_experiment(experiment, "test")

    assert scored.report.words.score == Score(0, 1, 1, 6)
    assert (scored.split, scored.decoder) == ("test", "greedy")
    written = json.loads((decoded / "score.json").read_text())
    assert written == scored.to_json()
    assert written["settings"]["model_digest"] == "1234"
    assert (decoded / "score.txt").read_text() == scored.to_text() + "\n"
    assert scored.to_text().startswith("test, greedy: 3 utterances, 6 words, 1 speaker;")


def test_scoring_again_replaces_the_score(experiment: Path, decoded: Path) -> None:
    score_experiment(experiment, "test", by=["speaker"])

    score_experiment(experiment, "test", normaliser_name="plain")

    written = json.loads((decoded / "score.json").read_text())
    assert (written["slices"], written["normaliser"]) == ({}, "plain")


def test_slices_by_columns_of_the_index(
    tmp_path: Path, prepare: Callable[..., None], decode: Callable[..., Path]
) -> None:
    accents = {"a": "Indian", "b/c.d": "", "e": "Indian"}
    prepare(tmp_path / "data" / "test", SAID, accent=accents)
    decode(tmp_path / "exp", str(tmp_path / "data"), tmp_path / "data" / "test")

    scored = score_experiment(tmp_path / "exp", "test", by=["accent", "seconds:3"])

    slices = scored.to_json()["slices"]
    assert [
        (one["value"], one["wer"]["errors"], one["wer"]["units"]) for one in slices["accent"]
    ] == [
        ("", 1, 1),
        ("Indian", 1, 5),
    ]
    assert [(one["value"], one["utterances"]) for one in slices["seconds"]] == [
        ("1", 1),
        ("2", 1),
        ("3", 1),
    ]
    assert "(empty)" in scored.to_text()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"by": ["spekaer"]}, r"has no column 'spekaer'; did you mean 'speaker'\?"),
        ({"by": ["text:2"]}, "column 'text' of 'a' is 'one two three'; even groups need numbers"),
        ({"decoder": "beam"}, "was not decoded by 'beam'"),
    ],
)
def test_nothing_is_written_where_something_is_wrong(
    experiment: Path, decoded: Path, tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UserError, match=problem):
        score_experiment(experiment, "test", trn_folder=tmp_path / "trn", **options)

    assert sorted(path.name for path in decoded.iterdir()) == ["hypotheses.jsonl", "settings.json"]
    assert not (tmp_path / "trn").exists()


def test_writes_transcripts_for_sclite(experiment: Path, tmp_path: Path) -> None:
    score_experiment(experiment, "test", trn_folder=tmp_path / "trn")

    assert (tmp_path / "trn" / "ref.trn").read_text() == (
        "one two three (ann-a)\nfour (ann-b/c.d)\nfive six (ann-e)\n"
    )
    assert (tmp_path / "trn" / "hyp.trn").read_text() == (
        "one two (ann-a)\nfor four (ann-b/c.d)\nfive six (ann-e)\n"
    )


def test_what_sclite_would_misread_leaves_nothing_behind(
    tmp_path: Path, prepare: Callable[..., None], decode: Callable[..., Path]
) -> None:
    prepare(tmp_path / "data" / "test", {"a": "{ b"})
    data = tmp_path / "data"
    folder = decode(tmp_path / "exp", str(data), data / "test", heard={"a": "b"})

    with pytest.raises(UserError, match=r"'a' has '\{', which sclite"):
        score_experiment(tmp_path / "exp", "test", trn_folder=tmp_path / "trn")

    assert not (tmp_path / "trn").exists()
    assert not (folder / "score.json").exists()


def test_an_unknown_normaliser_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no normaliser is called"):
        score_experiment(tmp_path, "test", normaliser_name="none")
    with pytest.raises(UserError, match="no normaliser is called"):
        compare_experiments(str(tmp_path), str(tmp_path), "test", normaliser_name="none")


@pytest.mark.parametrize("texts", [["one two", "three"], ["one"], ["one", "two"]])
def test_other_numbers_of_words_are_refused(texts: list[str]) -> None:
    made: Any = report([Row("a", "one two", "one two")])

    check_words(made, ["one  two"])
    with pytest.raises(UserError, match="scored 2 words of 1 utterances, but the index has"):
        check_words(made, texts)


def test_a_score_that_lost_an_utterance_is_not_written(
    experiment: Path, decoded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ds2kit.scoring.experiment.report",
        lambda rows, name, pinyin, slicings: report(rows[1:], name),
    )

    with pytest.raises(UserError, match="scored 3 words of 2 utterances"):
        score_experiment(experiment, "test")
    assert not (decoded / "score.json").exists()


@pytest.mark.parametrize(
    ("first", "second", "folders"),
    [
        ("exp:greedy", "exp:beam", ("exp/decode/test/greedy", "exp/decode/test/beam")),
        ("exp:greedy", "a:b", ("exp/decode/test/greedy", "a:b/decode/test/greedy")),
        ("a:b:greedy", "exp:beam", ("a:b/decode/test/greedy", "exp/decode/test/beam")),
    ],
)
def test_compares_experiments_and_decoders(
    experiment: Path,
    data: Path,
    decode: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    first: str,
    second: str,
    folders: tuple[str, str],
) -> None:
    monkeypatch.chdir(experiment.parent)
    decode(experiment, str(data), data / "test", decoder="beam", heard=SAID)
    decode(Path("a:b"), str(data), data / "test", heard=SAID)

    compared = compare_experiments(first, second, "test")

    written = compared.to_json()
    assert [one["folder"] for one in written["systems"]] == list(folders)
    assert (written["split"], written["utterances"]) == ("test", 3)
    assert compared.to_text().startswith(
        f"test: 3 utterances; normaliser: prepared\n\nA: {folders[0]}\n"
    )
    assert not list(Path().rglob("score.*"))


def test_other_references_cannot_be_compared(
    experiment: Path,
    tmp_path: Path,
    prepare: Callable[..., None],
    decode: Callable[..., Path],
) -> None:
    prepare(tmp_path / "other" / "test", SAID | {"b/c.d": "Four!"})
    other = str(tmp_path / "other")
    decode(tmp_path / "second", other, tmp_path / "other" / "test")

    with pytest.raises(UserError, match=r"whose references differ: 1 \(b/c\.d\); .* normaliser"):
        compare_experiments(str(experiment), str(tmp_path / "second"), "test")
    compare_experiments(str(experiment), str(tmp_path / "second"), "test", normaliser_name="plain")


def test_the_same_hypotheses_are_not_compared(experiment: Path) -> None:
    with pytest.raises(UserError, match=r"both are .*greedy; name two experiments, or two dec"):
        compare_experiments(str(experiment), f"{experiment}:greedy", "test")
