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


def test_a_shorter_text_is_forbidden_as_a_line_of_its_own() -> None:
    forbidden = Forbidden(TEST, "word")

    assert forbidden.shares("Short.")
    assert not forbidden.shares("short of it")
    assert not Forbidden(["", "."], "word").shares("")
    assert Forbidden(["谢谢"], "character").shares("谢谢")
    assert not Forbidden(["谢谢"], "character").shares("谢谢你")


def test_six_characters_of_a_character_model() -> None:
    forbidden = Forbidden(["今天天气很好。"], "character")

    assert forbidden.shares("今天 天气，很好了")
    assert not forbidden.shares("今天天气不好")
    assert not Forbidden(["今天天气很好。"], "word").shares("今天天气很好了")


def test_a_token_model_is_compared_by_words() -> None:
    assert Forbidden(TEST, "token").shares("he had never in all his")


def test_nothing_forbids_nothing() -> None:
    assert not Forbidden([], "word").shares("a b c d e f g")


@settings(max_examples=50)
@given(st.lists(st.sampled_from("ab"), max_size=20), st.lists(st.sampled_from("ab"), max_size=20))
def test_any_two_texts(text: list[str], line: list[str]) -> None:
    runs = [text[i : i + RUN] for i in range(len(text) - RUN + 1)]
    expected = any(line[i : i + RUN] in runs for i in range(len(line) - RUN + 1))
    expected |= line == text and 0 < len(text) < RUN

    assert Forbidden([" ".join(text)], "word").shares(" ".join(line)) == expected
