"""What a path through the frames says: tokens, and words with times and confidence."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import groupby
from math import exp

from ds2kit.components import BLANK, Tokenizer
from ds2kit.decoding.words import Emission, WordsSoFar
from ds2kit.types import Word
from ds2kit_flashlight.frames import Matrix


class Said:
    """The tokens and words of a path, heard frame by frame.

    space: the token that is a space between words; None: there is none
    """

    def __init__(self, tokenizer: Tokenizer, space: int | None) -> None:
        self.words: list[Word] = []
        self.frames = 0
        self._space, self._tokens = space, list[int]()
        self._words = WordsSoFar(tokenizer)
        self._last: Emission | None = None

    def hear(self, tokens: Sequence[int], log_probs: Matrix) -> None:
        """The tokens of the next frames, and the [frames, vocabulary] that they were heard in."""
        values = log_probs[range(len(tokens)), tokens].tolist()
        end = 0
        for token, frames in groupby(tokens):
            begin, end = end, end + len(tuple(frames))
            if token != BLANK:
                # As sure as in its surest frame.
                surest = exp(max(values[begin:end]))
                self._begin(Emission(token, self.frames + begin, self.frames + end, surest))
        self.frames += len(tokens)
        if self._last is not None and self._last.end < self.frames:
            self._end_last()

    def end(self) -> None:
        """Nothing follows."""
        self._end_last()
        self.words += self._words.end()

    def tokens(self) -> tuple[int, ...]:
        """The tokens, with a single space between words and none at the ends."""
        ends = len(self._tokens)
        while ends and self._tokens[ends - 1] == self._space:
            ends -= 1
        return tuple(self._tokens[:ends])

    def copy(self) -> Said:
        """The same, to go another way with."""
        other = copy.copy(self)
        other.words, other._tokens = list(self.words), list(self._tokens)
        other._words = self._words.copy()
        return other

    def _begin(self, emission: Emission) -> None:
        """An emission, or more of the last one."""
        last, token = self._last, emission.token
        if last is not None:
            if last.token == token and last.end == emission.start:
                surest = max(last.probability, emission.probability)
                self._last = Emission(token, last.start, emission.end, surest)
                return
            self._end_last()
        if token != self._space or (self._tokens and self._tokens[-1] != token):
            self._tokens.append(token)
        self.words += self._words.began(token)
        self._last = emission

    def _end_last(self) -> None:
        if self._last is not None:
            self.words += self._words.ended(self._last)
        self._last = None
