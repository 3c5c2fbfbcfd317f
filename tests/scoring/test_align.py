"""Alignment, against the dynamic programme written out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.scoring import align
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


def shortest(reference: list[str], hypothesis: list[str]) -> tuple[int, int]:
    """The fewest edits, and of the alignments that need no more the fewest substitutions."""
    costs = [[(j, 0) for j in range(len(hypothesis) + 1)]]
    for i, said in enumerate(reference, start=1):
        costs.append([(i, 0)])
        for j, heard in enumerate(hypothesis, start=1):
            pair, gone, come = costs[i - 1][j - 1], costs[i - 1][j], costs[i][j - 1]
            wrong = said != heard
            ways = [(pair[0] + wrong, pair[1] + wrong), (gone[0] + 1, gone[1])]
            costs[i].append(min(*ways, (come[0] + 1, come[1])))
    return costs[-1][-1]


def distance(reference: list[str], hypothesis: list[str]) -> int:
    return shortest(reference, hypothesis)[0]


@given(reference=sequences, hypothesis=sequences)
def test_edits_are_the_fewest_and_substitutions_among_them(
    reference: list[str], hypothesis: list[str]
) -> None:
    found = edits(reference, hypothesis)
    substituted = sum(1 for edit in found if edit.said and edit.heard)

    assert (len(found), substituted) == shortest(reference, hypothesis)


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


def test_of_several_alignments_the_one_with_most_units_right_is_taken() -> None:
    assert edits(["a", "b"], ["b", "c"]) == (Edit("a", ""), Edit("", "c"))
    assert edits(list("abcd"), list("bxcda")) == (Edit("a", ""), Edit("", "x"), Edit("", "a"))


def test_long_utterances_keep_any_shortest_alignment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align, "MOST_CELLS", 3)

    assert edits(["a", "b"], ["b", "c"]) == (Edit("a", "b"), Edit("b", "c"))


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
