"""Tokens in few columns: only those that a frame considers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from ds2kit.components import BLANK

NOBODY = -1
"""The token of a column that is none's."""


class Columns:
    """Which column of a frame is which token's; column 0 is the blank's.

    flashlight asks the language model for every column in every frame, so there should be few. It
    tells by the column whether a token goes on: one keeps its column while it is considered, and
    the column rests for a frame before it is another's.
    """

    def __init__(self) -> None:
        self._before: dict[int, int] = {}

    def of(self, considered: Iterable[int]) -> list[int]:
        """The token of each column in the next frame; NOBODY for none's.

        considered: its tokens; the blank is there anyway
        """
        before, taken = self._before, {BLANK, *self._before.values()}
        free = (column for column in count() if column not in taken)
        self._before = {
            token: before[token] if token in before else next(free)
            for token in considered
            if token != BLANK
        }
        tokens = [BLANK] + [NOBODY] * max(self._before.values(), default=0)
        for token, column in self._before.items():
            tokens[column] = token
        return tokens
