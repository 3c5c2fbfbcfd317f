"""Bonuses of hot words against a literal count."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.decoding.hot_words import HotWords
from ds2kit.errors import UserError
from ds2kit.text.char import Char

LATIN = Char(" abc", lowercase=True)
MIXED = Char(" ab今天气")
HANZI = Char("今天气")


def total(hot: HotWords, text: str, cuts: tuple[int, ...] = ()) -> float:
    """The bonus of a text that comes in pieces."""
    tail, found = "", 0.0
    ends = [*sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for begin, end in zip([0, *ends], ends, strict=False):
        tail, bonus = hot.follow(tail, text[begin:end])
        found += bonus
    return found + hot.follow(tail, " ")[1]


@given(
    words=st.lists(st.text("abc", min_size=1, max_size=3), max_size=8),
    cuts=st.lists(st.integers(0, 20)),
)
def test_whole_words_count_each_time(words: list[str], cuts: list[int]) -> None:
    hot = HotWords({"ab": 1.0, "a b": 10.0, "abc": 100.0}, LATIN, None)
    text = " ".join(words)

    pairs = sum(pair == ("a", "b") for pair in itertools.pairwise(words))
    expected = words.count("ab") + 10.0 * pairs + 100.0 * words.count("abc")
    assert total(hot, text, tuple(cuts)) == expected


@given(text=st.text("今天气", max_size=12), cuts=st.lists(st.integers(0, 12)))
def test_without_spaces_wherever_the_characters_stand(text: str, cuts: list[int]) -> None:
    hot = HotWords({"今天": 1.0, "天": 10.0, "天今天": 100.0}, HANZI, None)

    starts = range(len(text))
    expected = sum(
        bonus * sum(text.startswith(word, i) for i in starts)
        for word, bonus in (("今天", 1.0), ("天", 10.0), ("天今天", 100.0))
    )
    assert total(hot, text, tuple(cuts)) == expected


@pytest.mark.parametrize(
    ("text", "bonus"),
    [
        ("今天ab", 11.0),
        ("ab今天", 11.0),
        ("aab今天", 1.0),
        ("今天aba", 1.0),
        ("天天今天天", 1.0),
        ("ab ab", 20.0),
        ("ab气ab", 20.0),
        ("a今b天", 0.0),
    ],
)
def test_in_mixed_writing(text: str, bonus: float) -> None:
    assert total(HotWords({"今天": 1.0, "ab": 10.0}, MIXED, None), text) == bonus


def test_are_written_as_the_tokenizer_writes() -> None:
    assert total(HotWords({" AB  c": -2.5}, LATIN, None), "ab c") == -2.5


@pytest.mark.parametrize(
    ("hot_words", "message"),
    [
        ({"abd": 1.0}, "'abd' holds 'd', which no token of the model does"),
        ({" ": 1.0}, "' ' is no word"),
        ({"ab": math.nan}, "the bonus of 'ab' is nan; expected a number"),
        ({"ab": math.inf}, "the bonus of 'ab' is inf"),
        ({"ab c": 1.0}, "'c' is not in the lexicon, so it cannot be heard"),
    ],
)
def test_what_cannot_be_heard_is_told(hot_words: dict[str, float], message: str) -> None:
    with pytest.raises(UserError) as told:
        HotWords(hot_words, LATIN, {"AB": [(2, 3)]})

    assert message in str(told.value)


def test_a_lexicon_without_spaces_may_make_it_of_several_words() -> None:
    HotWords({"今天气": 1.0}, HANZI, {"今": [(1,)], "天气": [(2, 3)]})
