"""Words that are worth more than the language model knows: names, terms of a field."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache

from ds2kit.components import Tokenizer
from ds2kit.decoding.hot_words import checked_bonuses
from ds2kit.decoding.words import between_words


class HotWords:
    """Bonuses in natural logarithms for each occurrence of a word, or of a phrase of several.

    An occurrence is a whole word: `art` is none in `party`. In scripts without spaces, and beside
    their characters, it is wherever its characters stand. What a text has of a phrase so far is
    credited in advance (`promised`), in proportion, for a search would give it up otherwise.

    Raises UserError where a phrase cannot be written with the tokenizer's tokens, or a bonus is no
    number.
    """

    def __init__(self, bonuses: Mapping[str, float], tokenizer: Tokenizer) -> None:
        self._spaced = between_words(tokenizer) == " "
        self._bonuses = checked_bonuses(bonuses, tokenizer)
        self._promises: dict[str, float] = {}
        for text, bonus in self._bonuses.items():
            for length in range(1, len(text)):
                promise = bonus * length / len(text)
                begun = text[:length]
                self._promises[begun] = max(promise, self._promises.get(begun, 0.0))
        self._lengths = sorted({len(text) for text in self._bonuses})
        # Most letters of most texts are of no phrase: these need no look at what precedes them.
        self._letters = frozenset("".join(self._bonuses))
        self._last_letters = frozenset(text[-1] for text in self._bonuses)
        # A phrase, and the character before it, which says whether a word begins after it.
        self.remembered = max(self._lengths, default=0) + 1

    @property
    def words(self) -> tuple[str, ...]:
        """The words of all phrases."""
        return tuple(word for phrase in self._bonuses for word in phrase.split(" "))

    def follow(self, tail: str, text: str) -> tuple[str, float]:
        """The end of a text that goes on, and the bonus for what its going on completes.

        tail: what this gave for the text so far; empty at its beginning
        text: what follows, spaces folded; where the text ends, a space
        """
        bonus = 0.0
        for character in text:
            apart = self._apart(character)
            # A word that was closed by itself has had its bonus.
            if apart and tail and not self._apart(tail[-1]):
                bonus += self._ended(tail)
            tail = (tail + character)[-self.remembered :]
            if apart:
                bonus += self._ended(tail)
        return tail, bonus

    def promised(self, tail: str) -> float:
        """The credit for the phrases that a text may be about to complete: the highest."""
        promise = 0.0
        if not tail or tail[-1] not in self._letters:
            return promise
        for start in range(len(tail)):
            begun = tail[start:]
            promised = self._promises.get(begun, 0.0)
            # The whole of one is earned only where the word is over.
            if not self._apart(tail[-1]):
                promised = max(promised, self._bonuses.get(begun, 0.0))
            if promised > promise and self._begins(tail, start):
                promise = promised
        return promise

    def _ended(self, tail: str) -> float:
        """For the phrases that a text ends with."""
        if tail[-1] not in self._last_letters:
            return 0.0
        return sum(
            self._bonuses.get(tail[-length:], 0.0)
            for length in self._lengths
            if length <= len(tail) and self._begins(tail, len(tail) - length)
        )

    def _begins(self, tail: str, start: int) -> bool:
        """Whether a word may begin there."""
        return start == 0 or self._apart(tail[start - 1]) or self._apart(tail[start])

    def _apart(self, letter: str) -> bool:
        """Whether a word may begin before, and end after, a letter, whatever its neighbour."""
        return not self._spaced or letter == " " or _wide(letter)


@cache
def _wide(letter: str) -> bool:
    """Whether a letter is of a script without spaces, an East Asian one."""
    return unicodedata.east_asian_width(letter) in ("W", "F")
