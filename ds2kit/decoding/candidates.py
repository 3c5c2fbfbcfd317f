"""The texts in the beam of a search."""

from __future__ import annotations

import math
from typing import NamedTuple

from ds2kit.decoding.fusion import Prefix
from ds2kit.decoding.paths import Said


class Alignments(NamedTuple):
    """The alignments of a text that end in the same token, or all that end in a blank.

    mass: ln of the sum of their probabilities
    best: ln of the most probable one's
    said: the emissions of that one
    """

    mass: float
    best: float
    said: Said


class Candidate:
    """A text in the beam, and its alignments by the token that they end in.

    whole:    all of them, taken together
    score:    what it is ranked by
    hopeless: it cannot become the best, and is kept as one of the n best only
    """

    __slots__ = ("ends", "hopeless", "prefix", "score", "whole")

    def __init__(
        self, prefix: Prefix, ends: dict[int, Alignments], *, hopeless: bool = False
    ) -> None:
        self.prefix, self.ends, self.hopeless = prefix, ends, hopeless
        self.whole = _together(list(ends.values()))
        self.score = self.whole.mass + prefix.worth

    def before(self, token: int) -> Alignments | None:
        """Those that a new emission of the token may follow, taken together."""
        if token not in self.ends:
            return self.whole
        others = [end for last, end in self.ends.items() if last != token]
        return _together(others) if others else None

    def outweighs(self, other: Candidate) -> bool:
        """Whether, in whatever token or blank both end, this one's score is no less."""
        return all(
            last in self.ends
            and self.ends[last].mass + self.prefix.worth >= end.mass + other.prefix.worth
            for last, end in other.ends.items()
        )


def log_add(one: float, other: float) -> float:
    """ln(e^one + e^other) of two finite numbers."""
    larger, smaller = (one, other) if one > other else (other, one)
    return larger + math.log1p(math.exp(smaller - larger))


def log_sum(values: list[float]) -> float:
    """ln of the sum of e^value, of finite numbers."""
    if len(values) == 1:
        return values[0]
    largest = max(values)
    return largest + math.log(math.fsum(math.exp(value - largest) for value in values))


def _together(ends: list[Alignments]) -> Alignments:
    if len(ends) == 1:
        return ends[0]
    best = max(ends, key=lambda end: end.best)
    return Alignments(log_sum([end.mass for end in ends]), best.best, best.said)
