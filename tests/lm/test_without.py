"""Lines that say what a test says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.lm.without import RUN, Forbidden

TEST = ["He had never, in all his life, seen it", "short"]


def test_six_words_in_a_row() -> None:
    forbidden = Forbidden(TEST, "word")

    assert forbidden.shares("and NEVER IN ALL HIS LIFE SEEN a thing")
    assert not forbidden.shares("and never in all his life heard a thing")
    assert not forbidden.shares("short")


def test_six_characters_of_a_character_model() -> None:
    forbidden = Forbidden(["今天天气很好。"], "character")

    assert forbidden.shares("今天 天气，很好了")
    assert not forbidden.shares("今天天气不好")
    assert not Forbidden(["今天天气很好。"], "word").shares("今天天气很好")


def test_a_token_model_is_compared_by_words() -> None:
    assert Forbidden(TEST, "token").shares("he had never in all his")


def test_nothing_forbids_nothing() -> None:
    assert not Forbidden([], "word").shares("a b c d e f g")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from("ab"), max_size=20), st.lists(st.sampled_from("ab"), max_size=20))
def test_any_two_texts(text: list[str], line: list[str]) -> None:
    runs = [text[i : i + RUN] for i in range(len(text) - RUN + 1)]
    expected = any(line[i : i + RUN] in runs for i in range(len(line) - RUN + 1))

    assert Forbidden([" ".join(text)], "word").shares(" ".join(line)) == expected
