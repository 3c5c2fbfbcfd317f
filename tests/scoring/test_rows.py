"""Utterances paired by key, and scored."""

from __future__ import annotations

import pytest

from ds2kit.errors import UserError
from ds2kit.scoring.align import Edit
from ds2kit.scoring.measures import measures
from ds2kit.scoring.rows import Row, pair, score_rows
from ds2kit.text.normalise import plain, prepared
from ds2kit.types import Score


def test_rows_keep_the_order_of_the_references() -> None:
    rows = pair([("b", "said b", "ann"), ("a", "said a", "")], [("a", "heard a"), ("b", "heard b")])

    assert rows == [Row("b", "said b", "heard b", "ann"), Row("a", "said a", "heard a", "")]


@pytest.mark.parametrize(
    ("references", "hypotheses", "problem"),
    [
        ("abcdef", "a", r"here: references without hypothesis: 5 \(b, c, d, \.\.\.\); every"),
        ("a", "ab", r"hypotheses without reference: 1 \(b\)"),
        ("aab", "ab", r"references that stand twice: 1 \(a\)"),
        ("ab", "abb", r"hypotheses that stand twice: 1 \(b\)"),
    ],
)
def test_one_sided_and_repeated_keys_are_refused(
    references: str, hypotheses: str, problem: str
) -> None:
    with pytest.raises(UserError, match=problem):
        pair([(key, "", "") for key in references], [(key, "") for key in hypotheses], "here")


def test_a_row_is_scored_by_every_measure() -> None:
    [found] = score_rows([Row("a", "ab c", "abc", "ann")], prepared, measures(), "word")

    assert found.speaker == "ann"
    assert found.scores == {
        "wer": Score(1, 1, 0, 2),
        "cer_with_spaces": Score(0, 1, 0, 4),
        "cer_without_spaces": Score(0, 0, 0, 3),
    }


def test_the_edits_are_by_the_unit_that_leads() -> None:
    rows = [Row("a", "Two, three!", "two tree")]

    [by_word] = score_rows(rows, plain, measures(), "word")
    [by_character] = score_rows(rows, plain, measures(), "character")

    assert by_word.edits == (Edit("three", "tree"),)
    assert by_character.edits == (Edit("h", ""),)
