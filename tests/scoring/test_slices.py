"""Utterances in groups."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.data.index import Index
from ds2kit.errors import UserError
from ds2kit.scoring.slices import _by_number, slicing

KEYS = "abcdefgh"


@pytest.fixture
def index(tmp_path: Path, prepare: Callable[..., None]) -> Index:
    """Eight utterances of 1 to 8 seconds."""
    columns = {
        "gender": dict(zip(KEYS, "fmmffmf ", strict=True)),
        "age": dict(zip(KEYS, ("9", "10", "30", "30", "30", "41", "50", "70"), strict=True)),
        "a:2": dict.fromkeys(KEYS, "x"),
    }
    prepare(tmp_path / "test", dict.fromkeys(KEYS, "text"), **columns)
    return Index.load(tmp_path / "test")


def test_a_group_for_each_value(index: Index) -> None:
    found = slicing(index, "gender")

    assert (found.column, found.ordered) == ("gender", False)
    assert found.groups == ((" ", (7,)), ("f", (0, 3, 4, 6)), ("m", (1, 2, 5)))


def test_seconds_in_quartiles(index: Index) -> None:
    found = slicing(index, "seconds")

    assert (found.column, found.ordered) == ("seconds", True)
    assert found.groups == (
        ("1 to 2", (0, 1)),
        ("3 to 4", (2, 3)),
        ("5 to 6", (4, 5)),
        ("7 to 8", (6, 7)),
    )


def test_numbers_of_the_index_are_quartiles_too(index: Index) -> None:
    assert [value for value, _ in slicing(index, "sample_rate").groups] == ["8000"]
    assert len(slicing(index, "samples").groups) == 4


def test_text_is_number_where_groups_are_asked_for(index: Index) -> None:
    assert [value for value, _ in slicing(index, "age").groups][:2] == ["10", "30"]

    halves = slicing(index, "age:2")

    assert halves.ordered
    assert halves.groups == (("9 to 30", (0, 1, 2, 3, 4)), ("41 to 70", (5, 6, 7)))
    assert slicing(index, "seconds:1").groups == (("1 to 8", tuple(range(8))),)


def test_a_column_may_have_a_colon_in_its_name(index: Index) -> None:
    assert [value for value, _ in slicing(index, "a:2").groups] == ["x"]
    with pytest.raises(UserError, match="column 'a:2' of 'a' is 'x'; even groups"):
        slicing(index, "a:2:3")


@pytest.mark.parametrize(
    ("by", "problem"),
    [
        ("gendre", r"no column 'gendre'; did you mean 'gender'\? \(there are: key, .*, seconds\)"),
        ("gender:2", "column 'gender' of 'a' is 'f'; even groups need numbers"),
        ("seconds:0", "no column 'seconds:0'"),
        (":2", "no column ''"),
    ],
)
def test_what_is_no_slicing_is_refused(index: Index, by: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        slicing(index, by)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 6))
def test_every_utterance_is_in_one_group_and_equal_numbers_together(
    drawn: list[int], count: int
) -> None:
    groups = [places for _, places in _by_number(drawn, count)]

    assert sorted(place for places in groups for place in places) == list(range(len(drawn)))
    assert len(groups) <= count
    for before, after in pairwise(groups):
        assert max(drawn[place] for place in before) < min(drawn[place] for place in after)


@given(st.lists(st.floats(0, 100), unique=True, min_size=4, max_size=60), st.integers(1, 4))
def test_groups_of_different_numbers_are_even(drawn: list[float], count: int) -> None:
    sizes = [len(places) for _, places in _by_number(drawn, count)]

    assert len(sizes) == count
    assert max(sizes) - min(sizes) <= 1
