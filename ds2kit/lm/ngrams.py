"""N-grams in sorted arrays: each is its context, an n-gram of the level below, and a last unit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ds2kit.components import END, START, UNKNOWN, Unit

LN_10 = math.log(10)
"""What a base-10 logarithm of an ARPA file is multiplied by: ds2kit's logarithms are natural."""

MOST_ORDER = 6
"""KenLM, with which decoders read ARPA files, takes no more as it is usually built."""

LOG_ZERO = -100 * LN_10
"""ln P of what a file gives no probability; KenLM's own choice for a missing <unk>."""


@dataclass(frozen=True, eq=False)
class Level:
    """All n-grams of one length, in order of context, then of last unit.

    contexts:     [n-grams] place in the level below of the n-gram without its last unit; 0 for
                  single units, which are in order of their numbers, each unit once
    last:         [n-grams] number of the last unit
    log_probs:    [n-grams] natural logarithm of the last unit's probability after the others
    log_backoffs: [n-grams] natural logarithm of what a shorter context's probability is multiplied
                  by where this n-gram is the context, and the longer n-gram is not there
    """

    contexts: NDArray[np.int32]
    last: NDArray[np.int32]
    log_probs: NDArray[np.float32]
    log_backoffs: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.last)


@dataclass(frozen=True, eq=False)
class NGrams:
    """A back-off model: its units by number, and a level for each length of n-gram.

    unit: what it counts; None where its file does not say
    """

    unit: Unit | None
    units: tuple[str, ...]
    levels: tuple[Level, ...]

    @property
    def order(self) -> int:
        """Units of the longest n-grams."""
        return len(self.levels)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The units without those that stand for the beginning, the end, and unknown ones."""
        return tuple(unit for unit in self.units if unit not in (START, END, UNKNOWN))

    def rows(self, length: int, begin: int, end: int) -> NDArray[np.int32]:
        """[end - begin, length] unit numbers of some of the n-grams of one length."""
        rows = np.empty((end - begin, length), np.int32)
        places: NDArray[np.integer] = np.arange(begin, end)
        for column in range(length - 1, -1, -1):
            level = self.levels[column]
            rows[:, column] = level.last[places]
            places = level.contexts[places]
        return rows


def keys_of(
    contexts: NDArray[np.integer], last: NDArray[np.integer], units: int
) -> NDArray[np.int64]:
    """One number for each pair of context and last unit, in the same order."""
    return contexts.astype(np.int64) * units + last


def find(
    keys: NDArray[np.int64], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each wanted number is in sorted ones, and whether it is there."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return places, keys[places] == wanted
