"""Interpolated modified Kneser-Ney (Chen and Goodman 1998, section 3; Heafield et al. 2013).

An n-gram hw of context h and last unit w, whose context without its first unit is h', has

    P(w | h) = (a(hw) - D(a(hw))) / sum over x of a(hx) + b(h) P(w | h')

a(hw) is how often it occurs if it is of the longest, or begins a sentence; else how many different
units precede it in the text. D is one of three discounts of its length, by whether a(hw) is 1, 2
or more. b(h) is what was taken from the n-grams of the context h, so that P sums to one. Single
units are interpolated with the uniform distribution over all units but the beginning of a
sentence: so UNKNOWN has its share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ds2kit.components import Unit
from ds2kit.lm.counts import START_ID, Counted, Numbered, count_ngrams
from ds2kit.lm.ngrams import LN_10, Level, NGrams

Numbers = NDArray[np.float64]

FALL_BACK = (0.5, 1.0, 1.5)
"""Discounts where the text is too small to estimate them; those of lmplz --discount_fallback."""

START_LOG_PROB = -99 * LN_10
"""The beginning of a sentence is never predicted; ARPA files write -99 for it."""


@dataclass(frozen=True)
class Discounts:
    """What is taken from an n-gram that was counted once, twice, three times or more.

    estimated: False where the counts of counts were too few for it
    """

    once: float
    twice: float
    more: float
    estimated: bool


@dataclass(frozen=True)
class Estimated:
    """A model, and for each length of n-gram its discounts and how many were pruned."""

    model: NGrams
    discounts: tuple[Discounts, ...]
    pruned: tuple[int, ...]


def estimate(
    numbered: Numbered, order: int, unit: Unit, thresholds: Sequence[int] = (0,)
) -> Estimated:
    """The model of a text; of a lower order where no sentence is as long.

    thresholds: for each length, n-grams that occur so often or less are left out; the last one
                holds for all longer ones. The first is 0, and none is less than the one before.
    """
    levels = count_ngrams(numbered, order)
    discounts, log_probs, log_backoffs, kept = [], [], [], []
    lower = np.array([1 / (len(numbered.units) - 1)])
    for length, level in enumerate(levels):
        keep = level.counts > thresholds[min(length, len(thresholds) - 1)]
        if not length:
            keep[:] = True
        adjusted = _adjusted(levels, length)
        discounts.append(_discounts(adjusted))
        lower, backoff = _interpolated(level, adjusted, keep, discounts[-1], lower)
        if not length:
            lower[START_ID] = np.exp(START_LOG_PROB)
        log_probs.append(np.log(lower).astype(np.float32))
        log_backoffs.append(np.log(backoff).astype(np.float32))
        kept.append(keep)
    made = _levels(levels, log_probs, log_backoffs, kept)
    pruned = tuple(int((~keep).sum()) for keep in kept)
    return Estimated(NGrams(unit, numbered.units, made), tuple(discounts), pruned)


def _adjusted(levels: Sequence[Counted], length: int) -> NDArray[np.int64]:
    """[n-grams] a(hw) of one level."""
    level = levels[length]
    if length + 1 == len(levels):
        counts = level.counts.astype(np.int64)
    else:
        preceding = np.bincount(levels[length + 1].suffixes, minlength=len(level.last))
        counts = np.where(level.begins, level.counts, preceding)
    if not length:
        counts[START_ID] = 0
    return counts


def _discounts(adjusted: NDArray[np.int64]) -> Discounts:
    """From how many n-grams were counted once, twice, three and four times."""
    _, one, two, three, four, _ = np.bincount(np.minimum(adjusted, 5), minlength=6).tolist()
    if min(one, two, three, four) > 0:
        y = one / (one + 2 * two)
        found = (1 - 2 * y * two / one, 2 - 3 * y * three / two, 3 - 4 * y * four / three)
        if min(found) > 0:
            return Discounts(*found, estimated=True)
    return Discounts(*FALL_BACK, estimated=False)


def _interpolated(
    level: Counted,
    adjusted: NDArray[np.int64],
    keep: NDArray[np.bool_],
    discounts: Discounts,
    lower: Numbers,
) -> tuple[Numbers, Numbers]:
    """[n-grams] probabilities of a level, and [n-grams below] what their contexts have left.

    lower: [n-grams below] probabilities of the n-grams without their first unit; for single units
           [1], the same for all
    """
    taken = np.array([0.0, discounts.once, discounts.twice, discounts.more])
    discount = taken[np.minimum(adjusted, 3)]
    total = np.bincount(level.contexts, adjusted, len(lower))
    left = np.bincount(level.contexts, np.where(keep, discount, adjusted), len(lower))
    # What has no continuation leaves all to the shorter context.
    backoff = np.divide(left, total, out=np.ones(len(lower)), where=total > 0)
    own = (adjusted - discount) / total[level.contexts]
    return own + backoff[level.contexts] * lower[level.suffixes], backoff


def _levels(
    levels: Sequence[Counted],
    log_probs: Sequence[NDArray[np.float32]],
    log_backoffs: Sequence[NDArray[np.float32]],
    kept: Sequence[NDArray[np.bool_]],
) -> tuple[Level, ...]:
    """What is kept; a context's place counts what is kept below it."""
    made: list[Level] = []
    places = np.zeros(1, np.int32)
    for length, (level, keep) in enumerate(zip(levels, kept, strict=True)):
        if not keep.any():
            break
        is_longest = length + 1 == len(levels)
        backoffs = np.zeros(len(keep), np.float32) if is_longest else log_backoffs[length + 1]
        made.append(
            Level(
                places[level.contexts[keep]],
                level.last[keep],
                log_probs[length][keep],
                backoffs[keep],
            )
        )
        places = (np.cumsum(keep) - 1).astype(np.int32)
    return tuple(made)
