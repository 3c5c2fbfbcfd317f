"""Words with times and confidence, from a path through the frames."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass

from ds2kit.components import Tokenizer
from ds2kit.types import Hypothesis, Word


@dataclass(frozen=True)
class TimedWord:
    """A word in seconds from the start of the recording."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """What was said in a recording of so many seconds. `print` shows the text.

    words: with times in seconds and the model's confidence, in [0, 1]
    score: natural logarithm, the decoder's
    """

    text: str
    seconds: float
    words: tuple[TimedWord, ...]
    score: float

    @classmethod
    def of(cls, hypothesis: Hypothesis, frame_seconds: float, seconds: float) -> Transcript:
        """What a decoder heard, with times."""
        words = timed(hypothesis.words, frame_seconds, seconds)
        return cls(hypothesis.text, seconds, words, hypothesis.score)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Emission:
    """A token that was said in the frames [start, end), with the model's probability for it."""

    token: int
    start: int
    end: int
    probability: float


class WordsSoFar:
    """The words of a path whose emissions come one after another.

    A word is a run without a space; where no token has a space, each token is one. Its confidence
    is the lowest of its tokens': a word is wrong if one of its letters is.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._texts = tokenizer.tokens
        self._spaced = between_words(tokenizer) == " "
        self._parts: list[tuple[str, Emission]] = []

    def copy(self) -> WordsSoFar:
        """One that goes its own way from here."""
        other = copy.copy(self)
        other._parts = list(self._parts)
        return other

    def began(self, token: int) -> tuple[Word, ...]:
        """The word, if any, that is over where such a token begins, however long it lasts."""
        return self.end() if self._texts[token].startswith(" ") else ()

    def ended(self, emission: Emission) -> tuple[Word, ...]:
        """The words that are over with an emission that lasts no longer."""
        words: tuple[Word, ...] = ()
        for i, piece in enumerate(self._texts[emission.token].split(" ")):
            if i > 0:
                words += self.end()
            if piece:
                self._parts.append((piece, emission))
        return words if self._spaced else words + self.end()

    def end(self) -> tuple[Word, ...]:
        """The word, if any, that is over if nothing follows."""
        if not self._parts:
            return ()
        emissions = [emission for _, emission in self._parts]
        word = Word(
            text="".join(piece for piece, _ in self._parts),
            start_frame=emissions[0].start,
            end_frame=emissions[-1].end,
            confidence=min(1.0, min(emission.probability for emission in emissions)),
        )
        self._parts = []
        return (word,)


def between_words(tokenizer: Tokenizer) -> str:
    """What stands between two words of a text: a space, or nothing where no token has one."""
    return " " if any(" " in token for token in tokenizer.tokens) else ""


def words_of(emissions: Iterable[Emission], tokenizer: Tokenizer) -> tuple[Word, ...]:
    """The words of a path, as `WordsSoFar` has them."""
    so_far = WordsSoFar(tokenizer)
    found = tuple(word for emission in emissions for word in so_far.ended(emission))
    return found + so_far.end()


def timed(
    words: Iterable[Word], frame_seconds: float, seconds: float = math.inf
) -> tuple[TimedWord, ...]:
    """Words with times to a tenth of a millisecond, within the recording's `seconds`.

    Its last output frame may reach beyond its end, by a stride.
    """
    return tuple(
        TimedWord(
            word.text,
            round(word.start_frame * frame_seconds, 4),
            round(min(word.end_frame * frame_seconds, seconds), 4),
            round(word.confidence, 4),
        )
        for word in words
    )
