"""Tokens in few columns: only those that a frame considers."""

from __future__ import annotations

import heapq

import numpy as np

from ds2kit.components import BLANK
from ds2kit_flashlight.frames import UNLIKELY, Matrix

NOBODY = -1
"""The token of a column that is none's."""


class Slots:
    """Which column of a frame is which token's; column 0 is the blank's.

    flashlight asks the language model for every column in every frame, so there should be few. It
    tells by the column whether a token goes on: one keeps its column while it is considered, and
    the column rests for a frame before it is another's.
    """

    def __init__(self) -> None:
        self._columns: dict[int, int] = {}
        self._free: list[int] = []
        self._resting: list[int] = []
        self._count = 1

    def frame(self, log_probs: Matrix) -> tuple[list[int], Matrix]:
        """[vocabulary], pruned, to [columns], and the token of each: NOBODY for none's."""
        considered = np.flatnonzero(log_probs > UNLIKELY / 2).tolist()
        wanted = set(considered) - {BLANK}
        for column in self._resting:
            heapq.heappush(self._free, column)
        self._resting = [self._columns.pop(token) for token in {*self._columns} - wanted]
        for token in sorted(wanted - {*self._columns}):
            self._columns[token] = self._column()
        tokens = [BLANK] + [NOBODY] * max(self._columns.values(), default=0)
        for token, column in self._columns.items():
            tokens[column] = token
        values = log_probs[tokens]
        values[np.equal(tokens, NOBODY)] = -np.inf
        return tokens, values

    def _column(self) -> int:
        if self._free:
            return heapq.heappop(self._free)
        self._count += 1
        return self._count - 1
