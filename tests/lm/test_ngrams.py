"""N-grams in sorted arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.lm.ngrams import Level, NGrams, find, keys_of


def level(contexts: list[int], last: list[int]) -> Level:
    zeros = np.zeros(len(last), np.float32)
    return Level(np.array(contexts, np.int32), np.array(last, np.int32), zeros, zeros)


def test_rows_are_the_units_of_each_ngram() -> None:
    levels = (level([0] * 3, [0, 1, 2]), level([0, 0, 2], [1, 2, 0]), level([1, 2], [1, 1]))
    model = NGrams("word", ("a", "b", "c"), levels)

    assert model.order == 3
    assert model.rows(2, 0, 3).tolist() == [[0, 1], [0, 2], [2, 0]]
    assert model.rows(3, 0, 2).tolist() == [[0, 2, 1], [2, 0, 1]]
    assert model.rows(3, 1, 2).tolist() == [[2, 0, 1]]


@settings(max_examples=50)
@given(st.lists(st.integers(0, 50), unique=True).map(sorted), st.lists(st.integers(0, 60)))
def test_finding(keys: list[int], wanted: list[int]) -> None:
    places, found = find(np.array(keys, np.int64), np.array(wanted, np.int64))

    assert found.tolist() == [key in keys for key in wanted]
    assert all(keys[place] == key for place, key in zip(places, wanted, strict=True) if key in keys)


def test_keys_are_beyond_32_bits() -> None:
    keys = keys_of(np.array([2**30], np.int32), np.array([3], np.int32), 2**20)

    assert keys.tolist() == [2**50 + 3]
