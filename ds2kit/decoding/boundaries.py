"""Where one word may end and the next begin."""

from __future__ import annotations

from ds2kit.components import Tokenizer
from ds2kit.decoding.words import between_words
from ds2kit.text.scripts import unspaced


class Boundaries:
    """Between which characters of a tokenizer's texts a word may end.

    In a script with spaces, at them only. Where no token has a space, and beside characters of
    scripts that are written without (`unspaced`, in text mixed with Latin letters too), between
    any two.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.spaced = between_words(tokenizer) == " "

    def beside(self, character: str) -> bool:
        """Whether a word may begin before, and end after, a character, whatever its neighbour."""
        return not self.spaced or character == " " or unspaced(character)

    def between(self, before: str, after: str) -> bool:
        """Whether a word may end with one character, and the next begin with the other."""
        return self.beside(before) or self.beside(after)
