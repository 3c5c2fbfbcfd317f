"""Utterances in groups: by the values of a column of the index, or by number in even groups."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ds2kit.data.index import Index
from ds2kit.errors import UserError

QUARTILES = 4
"""Even groups of a column of numbers, where nothing else is said."""


@dataclass(frozen=True)
class Slicing:
    """All utterances of an index, in groups.

    groups:  what they have in common, and their places in the index
    ordered: the groups have an order of their own, by number, and stand in it
    """

    column: str
    groups: tuple[tuple[str, tuple[int, ...]], ...]
    ordered: bool


def slicing(index: Index, by: str) -> Slicing:
    """Groups by `COLUMN`: its values, or quartiles of its numbers; by `COLUMN:N`: N even groups.

    COLUMN is one of the index, or `seconds`. Columns of a corpus are text, so their numbers are
    values unless N is given.
    Raises UserError where there is no such column, and where a text of it is to be a number.
    """
    column, _, count = by.rpartition(":")
    if by in index.table.column_names or not count.isdecimal() or int(count) < 1:
        column, count = by, ""
    values = index.column(column)
    if not count and all(isinstance(value, str) for value in values):
        return Slicing(column, _by_value(values), ordered=False)
    numbers = [_number(value, column, key) for key, value in zip(index.keys, values, strict=True)]
    return Slicing(column, _by_number(numbers, int(count or QUARTILES)), ordered=True)


def _by_value(values: Sequence[str]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        places[value].append(place)
    return tuple((value, tuple(places[value])) for value in sorted(places))


def _by_number(values: Sequence[float], count: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Groups of equal size but for equal numbers, which stay together."""
    numbers = np.asarray(values, dtype=np.float64)
    if not len(numbers):
        return ()
    group = np.searchsorted(np.quantile(numbers, np.arange(1, count) / count), numbers)
    found = []
    for which in np.unique(group):
        places = np.flatnonzero(group == which)
        low, high = numbers[places].min(), numbers[places].max()
        name = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        found.append((name, tuple(places.tolist())))
    return tuple(found)


def _number(value: str | float, column: str, key: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    raise UserError(
        f"column '{column}' of '{key}' is {value!r}; even groups need numbers: name the column "
        "alone to have a group for each value"
    )
