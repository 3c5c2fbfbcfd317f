"""Words with times and confidence, from a path through the frames."""

from __future__ import annotations

from collections.abc import Sequence
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
class Emission:
    """A token that was said in the frames [start, end), with the model's probability for it."""

    token: int
    start: int
    end: int
    probability: float


def words_of(emissions: Sequence[Emission], tokenizer: Tokenizer) -> tuple[Word, ...]:
    """The words of a path: runs without a space; where no token has a space, each token is one.

    A word's confidence is the lowest of its tokens': a word is wrong if one of its letters is.
    """
    spaced = any(" " in token for token in tokenizer.tokens)
    words: list[Word] = []
    current: list[tuple[str, Emission]] = []
    for emission in emissions:
        pieces = tokenizer.tokens[emission.token].split(" ")
        for i, piece in enumerate(pieces):
            if i > 0 or not spaced:
                words += _word(current)
                current = []
            if piece:
                current.append((piece, emission))
    words += _word(current)
    return tuple(words)


def timed(hypothesis: Hypothesis, frame_seconds: float, seconds: float) -> tuple[TimedWord, ...]:
    """The words with times to a tenth of a millisecond, within the recording's `seconds`.

    Its last output frame may reach beyond its end, by a stride.
    """
    return tuple(
        TimedWord(
            word.text,
            round(word.start_frame * frame_seconds, 4),
            round(min(word.end_frame * frame_seconds, seconds), 4),
            round(word.confidence, 4),
        )
        for word in hypothesis.words
    )


def _word(parts: Sequence[tuple[str, Emission]]) -> list[Word]:
    if not parts:
        return []
    emissions = [emission for _, emission in parts]
    return [
        Word(
            text="".join(piece for piece, _ in parts),
            start_frame=emissions[0].start,
            end_frame=emissions[-1].end,
            confidence=min(1.0, min(emission.probability for emission in emissions)),
        )
    ]
