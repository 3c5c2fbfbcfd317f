"""How characters are written: with spaces between words or not, and how wide."""

from __future__ import annotations

import unicodedata
from functools import cache

UNSPACED = ("THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "TAI", "NEW TAI", "JAVANESE", "BALINESE")
"""How Unicode's names begin of letters of scripts without spaces, beside East Asian wide ones."""

SPACED = ("HANGUL", "FULLWIDTH LATIN", "FULLWIDTH DIGIT")
"""How names of wide characters begin that are written with spaces between words."""


@cache
def unspaced(character: str) -> bool:
    """Whether a character is of a script that is written without spaces between words.

    Hanzi and kana are, with their punctuation, and the letters of Thai and its neighbours; Hangul
    is not.
    """
    name = unicodedata.name(character, "")
    if name.startswith(SPACED):
        return False
    wide = unicodedata.east_asian_width(character) in ("W", "F")
    return wide or name.startswith(("HALFWIDTH KATAKANA", *UNSPACED))


def is_mark(character: str) -> bool:
    """Whether a character is written on, or around, the one before it."""
    return unicodedata.category(character).startswith("M")


def last_letter(text: str) -> str:
    """The last character of a text that is no mark; empty where there is none."""
    return next((character for character in reversed(text) if not is_mark(character)), "")


def apart(letter: str, following: str) -> bool:
    """Whether one word ends with a letter and another begins with the character that follows it,
    or its marks, without a space.
    """
    return not is_mark(following) and (unspaced(letter) or unspaced(following))


def display_width(text: str) -> int:
    """Columns of a terminal: two for an East Asian wide character, none for a mark."""
    return sum(
        0
        if unicodedata.category(character) in ("Mn", "Me")
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )
