"""Which characters are written without spaces between words."""

from __future__ import annotations

import pytest

from ds2kit.text.scripts import display_width, is_mark, last_letter, unspaced


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


def test_columns_of_a_terminal() -> None:
    assert display_width("ab") == 2
    assert display_width("今天a") == 5
    assert display_width("e\u0301") == 1
    assert display_width("กั") == 1
