"""Alignment, against the dynamic programme written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.scoring.align import (
    Edit,
    characters,
    edits,
    leading_unit,
    score_characters,
    score_words,
)
from ds2kit.types import Score

sequences = st.lists(st.sampled_from(["a", "b", "bb", "好"]), max_size=12)
sentences = st.text("ab 好", max_size=20)


def distance(reference: list[str], hypothesis: list[str]) -> int:
    """Levenshtein's distance, cell by cell."""
    costs = np.zeros((len(reference) + 1, len(hypothesis) + 1), dtype=int)
    costs[:, 0] = np.arange(len(reference) + 1)
    costs[0, :] = np.arange(len(hypothesis) + 1)
    for i, said in enumerate(reference):
        for j, heard in enumerate(hypothesis):
            costs[i + 1, j + 1] = min(
                costs[i, j] + (said != heard), costs[i, j + 1] + 1, costs[i + 1, j] + 1
            )
    return int(costs[-1, -1])


@given(reference=sequences, hypothesis=sequences)
def test_edits_are_the_fewest(reference: list[str], hypothesis: list[str]) -> None:
    assert len(edits(reference, hypothesis)) == distance(reference, hypothesis)


@given(reference=sequences, hypothesis=sequences)
def test_edits_account_for_every_unit(reference: list[str], hypothesis: list[str]) -> None:
    found = edits(reference, hypothesis)
    kept = sorted(reference)
    for edit in found:
        assert edit.said != edit.heard
        if edit.said:
            kept.remove(edit.said)

    assert sorted(kept + [edit.heard for edit in found if edit.heard]) == sorted(hypothesis)


def test_edits_name_what_was_said_and_heard() -> None:
    assert edits(list("abcd"), list("axcde")) == (Edit("b", "x"), Edit("", "e"))
    assert edits(["a", "b"], ["b"]) == (Edit("a", ""),)


@given(reference=sentences, hypothesis=sentences)
def test_units_are_the_reference_and_lengths_agree(reference: str, hypothesis: str) -> None:
    for score, said, heard in (
        (score_words(reference, hypothesis), reference.split(), hypothesis.split()),
        *(
            (
                score_characters(reference, hypothesis, spaces=spaces),
                characters(reference, spaces=spaces),
                characters(hypothesis, spaces=spaces),
            )
            for spaces in (True, False)
        ),
    ):
        assert score.errors == distance(list(said), list(heard))
        assert score.units == len(said)
        assert len(said) - score.deletions + score.insertions == len(heard)


def test_scores_of_a_sentence() -> None:
    assert score_words("the cat sat", "the hat sat down") == Score(1, 0, 1, 3)
    assert score_characters("ab c", "abc", spaces=True) == Score(0, 1, 0, 4)
    assert score_characters("ab c", "abc", spaces=False) == Score(0, 0, 0, 3)
    assert score_words("", "") == Score(0, 0, 0, 0)
    assert score_words("", "oh no") == Score(0, 0, 2, 0)


@pytest.mark.parametrize(
    ("texts", "unit"),
    [
        (["seven", "two"], "word"),
        (["one two"], "word"),
        (["今天天气很好", "我们走吧"], "character"),
        (["我 在 google 上班 没有 空格 的 很多 汉字"], "character"),
        (["ありがとう", "カタカナ"], "character"),
        (["สวัสดีครับ"], "character"),
        (["안녕하세요 여러분"], "word"),
        (["hello hello hello 好"], "word"),
        ([""], "word"),
        ([], "word"),
    ],
)
def test_the_character_leads_in_scripts_without_spaces(texts: list[str], unit: str) -> None:
    assert leading_unit(texts) == unit
