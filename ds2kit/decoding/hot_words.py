"""Words that are worth more than the language model knows: names, terms of a field."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ds2kit.components import Tokenizer
from ds2kit.decoding.boundaries import Boundaries
from ds2kit.decoding.lexicon import Spellings
from ds2kit.errors import UserError


class HotWords:
    """Bonuses in natural logarithms for each occurrence of a word, or of a phrase of several.

    An occurrence is a whole word: `art` is none in `party`; in scripts without spaces, wherever
    its characters stand.

    words: the lexicon's, with their spellings; None: there is none
    Raises UserError where a phrase cannot be written with the tokenizer's tokens, has a word that
    the lexicon has not, is empty, or where its bonus is not finite.
    """

    def __init__(
        self, bonuses: Mapping[str, float], tokenizer: Tokenizer, words: Spellings | None
    ) -> None:
        self._boundaries = Boundaries(tokenizer)
        self._ending: dict[str, list[tuple[str, float]]] = {}
        for text, bonus in checked_bonuses(bonuses, tokenizer).items():
            self._ending.setdefault(text[-1], []).append((text, bonus))
        if words and self._boundaries.spaced:
            self._check_lexicon(words, tokenizer)
        longest = max(
            (len(text) for texts in self._ending.values() for text, _ in texts), default=0
        )
        # A phrase, and the character before it, which says whether a word begins after it.
        self._remembered = longest + 1

    def follow(self, tail: str, text: str) -> tuple[str, float]:
        """The end of a text that goes on, and the bonus for what its going on completes.

        tail: what this gave for the text so far; empty at its beginning
        text: what follows, spaces folded; where the text ends, a space
        """
        bonus = 0.0
        for character in text:
            beside = self._boundaries.beside(character)
            if beside and not self._complete(tail):
                bonus += self._bonus(tail)
            tail = (tail + character)[-self._remembered :]
            if beside:
                bonus += self._bonus(tail)
        return tail, bonus

    def _check_lexicon(self, words: Spellings, tokenizer: Tokenizer) -> None:
        """Raise UserError where a phrase has a word that the lexicon does not let through."""
        read = {tokenizer.decode(ids) for spellings in words.values() for ids in spellings}
        for text in (text for texts in self._ending.values() for text, _ in texts):
            for word in text.split():
                if word not in read:
                    raise UserError(
                        f"hot_words: {word!r} is not in the lexicon, so it cannot be heard; add a "
                        "line with its tokens to the lexicon, or leave it out"
                    )

    def _complete(self, tail: str) -> bool:
        """Whether its last character was the end of a word at once, or of none."""
        return not tail or self._boundaries.beside(tail[-1])

    def _bonus(self, tail: str) -> float:
        """For the phrases that a text ends with, and that begin where a word may."""
        return sum(
            bonus
            for phrase, bonus in self._ending.get(tail[-1], ())
            if tail.endswith(phrase) and self._begins(tail, phrase)
        )

    def _begins(self, tail: str, phrase: str) -> bool:
        before = tail[: len(tail) - len(phrase)]
        return not before or self._boundaries.between(before[-1], phrase[0])


def checked_bonuses(bonuses: Mapping[str, float], tokenizer: Tokenizer) -> dict[str, float]:
    """The bonuses of phrases as the tokenizer gives these back.

    Raises UserError where a phrase is empty or holds what no token does, or a bonus is not finite.
    """
    return {_checked(phrase, bonus, tokenizer): bonus for phrase, bonus in bonuses.items()}


def _checked(phrase: str, bonus: float, tokenizer: Tokenizer) -> str:
    """The phrase as the tokenizer gives it back."""
    text = tokenizer.normalise(phrase)
    if not text:
        raise UserError(f"hot_words: {phrase!r} is no word; leave it out")
    if foreign := tokenizer.foreign(phrase):
        raise UserError(
            f"hot_words: {phrase!r} holds {foreign[0]!r}, which no token of the model does: it "
            "cannot be heard; leave it out or spell it otherwise"
        )
    if not math.isfinite(bonus):
        raise UserError(f"hot_words: the bonus of {phrase!r} is {bonus}; expected a number")
    return text
