"""A language model of other writing than the decoder hears is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ds2kit.decoding.coverage import check_language_model
from ds2kit.errors import UserError
from ds2kit.text.char import Char

LETTERS = Char(" '" + "abcdefghijklmnopqrstuvwxyz")
HANZI = Char("今天气")


@pytest.mark.parametrize(
    ("unit", "known", "words"),
    [
        ("character", "abc", None),
        ("token", ["▁", "a"], None),
        ("word", ["hello"], None),
        ("word", ["hello"], ["hello", "world"]),
    ],
)
def test_what_fits_is_taken(
    unit: Any, known: Any, words: list[str] | None, drawn: Callable[..., Any]
) -> None:
    check_language_model(drawn(known, unit=unit), LETTERS, words)


@pytest.mark.parametrize(
    ("unit", "known", "words", "message"),
    [
        ("character", ["'", "A", "B"], None, "knows 1 of the tokenizer's 27 characters (not 'a',"),
        ("token", ["the", "of"], None, "knows 0 of the tokenizer's 28 tokens (not '▁', for one)"),
        ("word", ["HELLO"], ["hello"], "knows 0 of the lexicon's 1 words (not 'hello', for one)"),
    ],
)
def test_what_does_not_fit_is_told(
    unit: Any, known: Any, words: list[str] | None, message: str, drawn: Callable[..., Any]
) -> None:
    with pytest.raises(UserError) as told:
        check_language_model(drawn(known, unit=unit), LETTERS, words)

    assert message in str(told.value)
    assert "\n" not in str(told.value)


def test_words_need_spaces_or_a_lexicon(drawn: Callable[..., Any]) -> None:
    model = drawn(["今天", "今"], unit="word")

    with pytest.raises(UserError, match="counts words, and no token has a space to part them"):
        check_language_model(model, HANZI, None)
    check_language_model(model, HANZI, ["今天"])
