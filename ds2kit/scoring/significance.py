"""Whether two systems differ: the exact paired randomisation test.

Were the two no different, exchanging their results for an utterance (for a speaker, where
speakers are what is resampled) would change nothing. So each of the 2 ** n ways to exchange is as
likely, and p is the share of them whose difference is at least as large as the one that was found
(Fisher, 1935; Noreen, 1989). Errors are whole numbers, so that share is computed, not drawn: the
characteristic function of a sum of +d or -d is the product of cos(d t), and its Fourier transform
is the distribution (Pagano and Tritchler, 1983).

NIST's matched-pairs test (Gillick and Cox, 1989) pairs shorter segments of the same utterances
and takes the sum for normally distributed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SMALLEST_P = 1e-12
"""What is smaller is given as this: the transform is exact to about 1e-15."""


def randomisation_p(differences: Sequence[int]) -> float:
    """The two-sided p of errors of the one minus errors of the other, in each unit of exchange."""
    sizes = np.abs(np.asarray(differences, dtype=np.int64))
    sizes = sizes[sizes > 0]
    if not len(sizes):
        return 1.0
    found = abs(int(np.sum(differences)))
    # All sums are multiples of a common divisor.
    divisor = int(np.gcd.reduce(sizes))
    chances = _sum_chances(sizes // divisor)
    middle = len(chances) // 2
    reached = np.abs(np.arange(len(chances)) - middle) >= found // divisor
    # The differences as they are and all of them exchanged are always two of the ways.
    least = max(SMALLEST_P, 2.0 ** (1 - len(sizes)))
    return float(np.clip(chances[reached].sum(), least, 1.0))


def _sum_chances(sizes: np.ndarray) -> np.ndarray:
    """The chance of each sum of +size or -size, from the least to the greatest."""
    greatest = int(sizes.sum())
    period = 1 << (2 * greatest + 1).bit_length()
    cosines = np.cos(2 * np.pi * np.arange(period) / period)
    frequencies = np.arange(period // 2 + 1)
    transform = np.ones(len(frequencies))
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        transform *= cosines[size * frequencies % period] ** count
    # A sum below zero stands at the end of the period.
    return np.roll(np.fft.irfft(transform, period), greatest)[: 2 * greatest + 1]
