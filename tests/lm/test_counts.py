"""Counts, compared with a dictionary's."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.components import END, START, UNKNOWN
from ds2kit.errors import UserError
from ds2kit.lm import counts
from ds2kit.lm.counts import SPECIAL, count_ngrams, most_frequent, needed_gigabytes, number

SENTENCES = st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=8)


@settings(max_examples=50)
@given(SENTENCES, st.integers(1, 5), st.sampled_from([1, 2, 7, 1 << 22]))
def test_counts_are_those_of_a_dictionary(
    sentences: list[list[str]], order: int, piece: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "PIECE", piece)
        numbered = number(sentences)
        levels = count_ngrams(numbered, order)

    written = [[START, *sentence, END] for sentence in sentences]
    lower: list[tuple[str, ...]] = [()]
    for length, level in enumerate(levels, 1):
        expected = Counter(
            tuple(s[i : i + length]) for s in written for i in range(len(s) - length + 1)
        )
        found = [
            (*lower[c], numbered.units[u]) for c, u in zip(level.contexts, level.last, strict=True)
        ]
        if length == 1:
            assert found[0] == (UNKNOWN,)
            expected[(UNKNOWN,)] = 0
        assert dict(zip(found, level.counts.tolist(), strict=True)) == dict(expected)
        assert level.begins.tolist() == [ngram[0] == START for ngram in found]
        if length > 1:
            suffixes = [lower[place] for place in level.suffixes]
            assert suffixes == [ngram[1:] for ngram in found]
        assert np.all(np.diff(level.contexts) >= 0)
        lower = found
    longest = max(map(len, written))
    assert len(levels) == min(order, longest)


def test_units_are_numbered_as_they_appear() -> None:
    numbered = number([["b", "a"], ["b"]])

    assert numbered.units == (*SPECIAL, "b", "a")
    assert numbered.positions.tolist() == [1, 3, 4, 2, 1, 3, 2]
    assert numbered.sentences == 2


@pytest.mark.parametrize("unit", SPECIAL)
def test_marks_in_a_text_are_refused(unit: str) -> None:
    with pytest.raises(UserError, match=f"the text holds the unit {unit}"):
        number([["a"], ["b", unit, "c"]])


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(UserError, match="holds no sentence"):
        number([])


def test_the_most_frequent_units_stay() -> None:
    numbered = number([list("abcb"), list("cbd")])
    kept = most_frequent(numbered, 2)

    assert kept.units == (*SPECIAL, "b", "c")
    assert kept.positions.tolist() == [1, 0, 3, 4, 3, 2, 1, 4, 3, 0, 2]
    assert most_frequent(numbered, 99).units == numbered.units


def test_what_it_takes_grows_with_text_and_order() -> None:
    numbered = number([["a"] * 100_000])

    assert 0 < needed_gigabytes(numbered, 1) < needed_gigabytes(numbered, 5) < 1
