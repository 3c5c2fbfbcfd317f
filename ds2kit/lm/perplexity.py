"""How well a language model predicts a text."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice

from ds2kit.components import END, LanguageModel
from ds2kit.errors import UserError

TOGETHER = 4096
"""Sentences that are scored side by side."""


@dataclass(frozen=True)
class Perplexity:
    """What a text costs a model.

    sentences:        how many
    units:            of all sentences, without their ends
    unknown:          units that the model does not know
    log_prob:         ln P of everything, the end of each sentence included
    unknown_log_prob: ln P of the unknown units alone
    """

    sentences: int
    units: int
    unknown: int
    log_prob: float
    unknown_log_prob: float

    @property
    def perplexity(self) -> float:
        """exp of the mean -ln P over all units and ends of sentences."""
        return _exp(-self.log_prob / (self.units + self.sentences))

    @property
    def known_perplexity(self) -> float:
        """The same over what the model knows; unknown units stay in the contexts."""
        known = self.units - self.unknown + self.sentences
        return _exp(-(self.log_prob - self.unknown_log_prob) / known)

    @property
    def unknown_rate(self) -> float:
        """Share of the units that the model does not know; 0 where there are no units."""
        return self.unknown / self.units if self.units else 0.0

    def to_json(self) -> dict[str, float]:
        """All figures by name."""
        return asdict(self) | {
            "perplexity": self.perplexity,
            "known_perplexity": self.known_perplexity,
            "unknown_rate": self.unknown_rate,
        }


def measure(model: LanguageModel, sentences: Iterable[Sequence[str]]) -> Perplexity:
    """The perplexity of sentences of the model's units. Raises UserError where there is none."""
    total = Perplexity(0, 0, 0, 0.0, 0.0)
    remaining = iter(sentences)
    while batch := list(islice(remaining, TOGETHER)):
        found = _measure(model, batch)
        parts = zip(asdict(total).values(), asdict(found).values(), strict=True)
        total = Perplexity(*(a + b for a, b in parts))
    if not total.sentences:
        raise UserError("the text holds no sentence; expected one a line")
    return total


def _measure(model: LanguageModel, sentences: Sequence[Sequence[str]]) -> Perplexity:
    """Of sentences that are scored side by side, unit by unit."""
    log_prob, unknown_log_prob, unknown = 0.0, 0.0, 0
    ordered = sorted(sentences, key=len, reverse=True)
    states: Sequence[Hashable] = [model.initial_state()] * len(ordered)
    for place in range(len(ordered[0]) + 1):
        while len(ordered[len(states) - 1]) < place:
            states = states[:-1]
        units = [s[place] if place < len(s) else END for s in ordered[: len(states)]]
        log_probs, states = model.score(states, units)
        log_prob += math.fsum(log_probs)
        strange = [p for p, unit in zip(log_probs, units, strict=True) if not model.knows(unit)]
        unknown_log_prob += math.fsum(strange)
        unknown += len(strange)
    return Perplexity(len(ordered), sum(map(len, ordered)), unknown, log_prob, unknown_log_prob)


def _exp(value: float) -> float:
    """Infinity where it is beyond a float."""
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf
