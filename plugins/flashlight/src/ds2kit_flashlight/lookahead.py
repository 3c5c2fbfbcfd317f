"""What a text may be worth that is amid a word, so that a search does not give it up too soon.

It is credited in advance, and taken back when it is known what the word is: it changes what is
found in a narrow beam, and no score.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from ds2kit.components import LanguageModel, Tokenizer
from ds2kit.decoding.boundaries import Boundaries
from ds2kit.decoding.fusion import Prefix
from ds2kit.decoding.lexicon import Lexicon, Node, Spellings

Lookahead: TypeAlias = Callable[[Prefix], float]
"""The credit of a prefix."""


class Promises:
    """A part of a hot word's bonus for as much of it as there is.

    bonuses: of phrases as the tokenizer writes them
    """

    def __init__(self, bonuses: Mapping[str, float], tokenizer: Tokenizer) -> None:
        self._boundaries = Boundaries(tokenizer)
        self._credits: dict[str, float] = {}
        for text, bonus in bonuses.items():
            # Where a word is over only when another begins, the whole of it is still to be earned.
            last = len(text) - self._boundaries.beside(text[-1])
            for length in range(1, last + 1):
                credit = max(bonus * length / len(text), self._credits.get(text[:length], 0.0))
                self._credits[text[:length]] = credit

    def __call__(self, prefix: Prefix) -> float:
        """The highest credit for what the text ends with."""
        best, tail = 0.0, prefix.tail
        for start in range(len(tail)):
            credit = self._credits.get(tail[start:], 0.0)
            if credit > best and (
                start == 0 or self._boundaries.between(tail[start - 1], tail[start])
            ):
                best = credit
        return best


class BestWord:
    """What the best word is worth, as the first of a text, that a lexicon has below a place."""

    def __init__(
        self, lexicon: Lexicon, words: Spellings, language_model: LanguageModel, lm_weight: float
    ) -> None:
        self._best: dict[Node, float] = {}
        start = language_model.initial_state()
        scores, _ = language_model.score([start] * len(words), list(words))
        for spellings, log_prob in zip(words.values(), scores, strict=True):
            for spelling in spellings:
                node = lexicon.root
                for token in spelling:
                    node = node.following[token]
                    best = self._best.get(node, -math.inf)
                    self._best[node] = max(best, lm_weight * log_prob)

    def __call__(self, prefix: Prefix) -> float:
        return max((self._best.get(place, 0.0) for place in prefix.places or ()), default=0.0)


class Unknown:
    """The penalty of an unknown word, as soon as it cannot become a known one."""

    def __init__(self, known: Sequence[str], penalty: float) -> None:
        self._known, self._penalty = sorted(known), penalty

    def __call__(self, prefix: Prefix) -> float:
        word = prefix.word
        place = bisect_left(self._known, word)
        begins = place < len(self._known) and self._known[place].startswith(word)
        return 0.0 if begins or not word else self._penalty
