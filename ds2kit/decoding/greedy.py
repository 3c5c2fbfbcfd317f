"""The most probable token of each frame."""

from __future__ import annotations

import copy
import math

from torch import Tensor

from ds2kit.components import BLANK, StreamingDecoder, Tokenizer
from ds2kit.decoding.words import Emission, WordsSoFar
from ds2kit.types import Hypothesis, Padded, Word


class Greedy(StreamingDecoder):
    """Best path: the most probable token of each frame, repeats joined, blanks taken out.

    The score is the path's natural-log probability, a lower bound of its text's.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._nothing = WordsSoFar(tokenizer)

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        values, lengths = log_probs.values.detach().cpu(), log_probs.lengths.tolist()
        return [
            [self._decode_one(row[:length])] for row, length in zip(values, lengths, strict=True)
        ]

    def begin(self) -> Path:
        return Path(self._nothing)

    def advance(self, stream: Path, log_probs: Tensor) -> tuple[Word, ...]:
        """A word is final where a space begins after it; a hanzi as soon as it ends."""
        given = len(stream.words)
        best = log_probs.detach().max(dim=-1)
        for token, value in zip(best.indices.tolist(), best.values.tolist(), strict=True):
            stream.hear(token, value)
        return tuple(stream.words[given:])

    def partial(self, stream: Path) -> Hypothesis:
        """The path so far, its last token and word as if nothing followed."""
        return self.finish(stream.copy())

    def finish(self, stream: Path) -> Hypothesis:
        stream.end()
        return Hypothesis(
            text=self.tokenizer.decode(stream.tokens),
            tokens=tuple(stream.tokens),
            score=stream.score,
            words=tuple(stream.words),
        )

    def _decode_one(self, log_probs: Tensor) -> Hypothesis:
        path = self.begin()
        self.advance(path, log_probs)
        return self.finish(path)


class Path:
    """The tokens, the words and the score of a path, frame by frame.

    nothing: the words before the first frame
    """

    def __init__(self, nothing: WordsSoFar) -> None:
        self.tokens: list[int] = []
        self.words: list[Word] = []
        self.score = 0.0
        self._frame = 0
        self._last: Emission | None = None
        self._words = nothing.copy()

    def copy(self) -> Path:
        """The same path, to end it and go on with the other."""
        other = copy.copy(self)
        other.tokens, other.words = list(self.tokens), list(self.words)
        other._words = self._words.copy()
        return other

    def hear(self, token: int, value: float) -> None:
        """The next frame: its token, and the natural logarithm of the token's probability."""
        frame, probability = self._frame, math.exp(value)
        if self._last is not None and token == self._last.token:
            surest = max(probability, self._last.probability)
            self._last = Emission(token, self._last.start, frame + 1, surest)
        else:
            self._end_emission()
            if token != BLANK:
                self.tokens.append(token)
                self.words += self._words.began(token)
                self._last = Emission(token, frame, frame + 1, probability)
        self._frame += 1
        self.score += value

    def end(self) -> None:
        """Nothing follows."""
        self._end_emission()
        self.words += self._words.end()

    def _end_emission(self) -> None:
        if self._last is not None:
            self.words += self._words.ended(self._last)
        self._last = None
