"""How sure an error rate is: the percentile bootstrap (Efron, 1979; Bisani and Ney, 2004)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ds2kit.types import Score

RESAMPLES = 10_000
MIN_SPEAKERS = 10
"""Fewer speakers than this are too few to resample."""

DRAWS_AT_ONCE = 1_000_000
"""Bounds the memory: a few arrays of so many int64."""

Resampled = Literal["speaker", "utterance"]


@dataclass(frozen=True)
class Interval:
    """The 95 % interval of an error rate, or of the difference of two."""

    low: float
    high: float


def resampled_by(speakers: Sequence[str]) -> Resampled:
    """The speaker, where every utterance has one and there are at least ten, else the utterance.

    One speaker's errors go together: resampling the utterances makes the interval too narrow.
    """
    known = set(speakers)
    return "speaker" if "" not in known and len(known) >= MIN_SPEAKERS else "utterance"


def by_resampled(counts: NDArray[np.int64], speakers: Sequence[str]) -> NDArray[np.int64]:
    """[utterances, ...] to [speakers, ...], summed, where speakers are what is resampled."""
    if resampled_by(speakers) == "utterance":
        return counts
    names, speaker = np.unique(np.array(speakers), return_inverse=True)
    summed = np.zeros((len(names), *counts.shape[1:]), dtype=np.int64)
    np.add.at(summed, speaker, counts)
    return summed


def bootstrap_interval(
    scores: Sequence[Score],
    speakers: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval | None:
    """The 95 % percentile interval of errors summed / units summed, resampled as above.

    scores, speakers: one an utterance; a speaker who is not known is ""
    None where there are not two to resample, or nothing was to be said.
    """
    counts = [(one.errors, one.units) for one in scores]
    return _interval(counts, speakers, resamples, seed)


def difference_interval(
    first: Sequence[Score],
    second: Sequence[Score],
    speakers: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval | None:
    """The 95 % percentile interval of the second rate minus the first, of the same utterances.

    Paired: a resample draws utterances, or speakers, with what both made of them, so that what
    is hard for both does not widen it (Bisani and Ney, 2004).
    """
    counts = [(b.errors - a.errors, a.units) for a, b in zip(first, second, strict=True)]
    return _interval(counts, speakers, resamples, seed)


def _interval(
    counts: Sequence[tuple[int, int]], speakers: Sequence[str], resamples: int, seed: int
) -> Interval | None:
    """The interval of the first of each pair summed / the second summed."""
    drawn_from = by_resampled(np.array(counts, dtype=np.int64).reshape(-1, 2), speakers)
    if len(drawn_from) < 2 or not drawn_from[:, 1].any():
        return None
    errors, units = _resample(drawn_from, resamples, np.random.default_rng(seed))
    # A resample of utterances in which nothing was to be said has no rate.
    said = units > 0
    low, high = np.quantile(errors[said] / units[said], (0.025, 0.975))
    return Interval(float(low), float(high))


def _resample(
    counts: NDArray[np.int64], resamples: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Errors and units, [resamples] each, of as many rows drawn with replacement as there are."""
    at_once = max(1, DRAWS_AT_ONCE // len(counts))
    errors, units = counts.T.copy()
    totals = np.empty((2, resamples), dtype=np.int64)
    for first in range(0, resamples, at_once):
        last = min(first + at_once, resamples)
        drawn = generator.integers(0, len(counts), (last - first, len(counts)))
        totals[0, first:last] = errors[drawn].sum(axis=1)
        totals[1, first:last] = units[drawn].sum(axis=1)
    return totals[0], totals[1]
