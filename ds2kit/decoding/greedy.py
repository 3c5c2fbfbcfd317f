"""The most probable token of each frame."""

from __future__ import annotations

import math

from torch import Tensor

from ds2kit.components import BLANK, Decoder, Tokenizer
from ds2kit.decoding.words import Emission, words_of
from ds2kit.types import Hypothesis, Padded


class Greedy(Decoder):
    """Best path: the most probable token of each frame, repeats joined, blanks taken out.

    The score is the path's natural-log probability, a lower bound of its text's.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        values, lengths = log_probs.values.detach().cpu(), log_probs.lengths.tolist()
        return [
            [self._decode_one(row[:length])] for row, length in zip(values, lengths, strict=True)
        ]

    def _decode_one(self, log_probs: Tensor) -> Hypothesis:
        best = log_probs.max(dim=-1)
        emissions: list[Emission] = []
        previous = BLANK
        for frame, (token, value) in enumerate(
            zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ):
            if token != BLANK:
                probability = math.exp(value)
                if token == previous:
                    last = emissions.pop()
                    probability = max(probability, last.probability)
                    emissions.append(Emission(token, last.start, frame + 1, probability))
                else:
                    emissions.append(Emission(token, frame, frame + 1, probability))
            previous = token
        tokens = tuple(emission.token for emission in emissions)
        return Hypothesis(
            text=self.tokenizer.decode(tokens),
            tokens=tokens,
            score=float(best.values.double().sum()),
            words=words_of(emissions, self.tokenizer),
        )
