"""Which characters are written without spaces between words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.text.scripts import apart, display_width, is_mark, last_letter, unspaced


@pytest.mark.parametrize(
    ("characters", "without"),
    [
        ("今天〇々𠀀", True),  # hanzi
        ("ひカーｶ、。", True),  # kana, half-width too, and punctuation
        ("กาລខမབ", True),  # Thai, Lao, Khmer, Burmese, Tibetan
        ("aéßЖλאبक", False),
        ("한글ᄀ", False),  # Korean is wide, and has spaces
        ("Ａ１", False),  # wide Latin letters
        ("0'-. ", False),
    ],
)
def test_scripts_without_spaces(characters: str, without: bool) -> None:
    assert [unspaced(character) for character in characters] == [without] * len(characters)


def test_marks() -> None:
    assert is_mark("\u0301")
    assert is_mark("ั")
    assert not is_mark("a")
    assert last_letter("กั") == "ก"
    assert last_letter("\u0301") == last_letter("") == ""


@pytest.mark.parametrize(
    ("letter", "following", "are"),
    [
        ("a", "b", False),
        ("今", "天", True),
        ("a", "天", True),
        ("今", "b", True),
        ("한", "글", False),
        ("ก", "ั", False),  # a vowel above the consonant
        ("葛", "\U000e0100", False),  # a variant of the hanzi before it
    ],
)
def test_words_that_no_space_parts(letter: str, following: str, are: bool) -> None:
    assert apart(letter, following) == are


@given(letter=st.characters(), following=st.characters())
def test_any_two_characters(letter: str, following: str) -> None:
    assert apart(letter, following) == (
        (unspaced(letter) or unspaced(following)) and not is_mark(following)
    )


def test_columns_of_a_terminal() -> None:
    assert display_width("ab") == 2
    assert display_width("今天a") == 5
    assert display_width("e\u0301") == 1
    assert display_width("กั") == 1
