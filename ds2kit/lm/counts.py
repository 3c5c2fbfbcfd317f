"""How often each n-gram of a text occurs, length by length, without a Python loop over n-grams.

A unit is a number, an n-gram the number of its context times the number of units plus its last
unit: one int64, whatever its length. The numbers of one length are sorted in pieces and merged;
the place of an n-gram among them is its number as a context of the next length.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from ds2kit.components import END, START, UNKNOWN
from ds2kit.errors import UserError
from ds2kit.lm.ngrams import find, keys_of

SPECIAL = (UNKNOWN, START, END)
UNKNOWN_ID, START_ID, END_ID = range(3)

PIECE = 1 << 22
"""Positions of the text that are sorted at once."""


@dataclass(frozen=True, eq=False)
class Numbered:
    """A text as numbers.

    units:     the text of each number, SPECIAL first, then in order of appearance
    positions: [positions] every sentence between START_ID and END_ID
    sentences: how many
    """

    units: tuple[str, ...]
    positions: NDArray[np.int32]
    sentences: int


@dataclass(frozen=True, eq=False)
class Counted:
    """All different n-grams of one length, in order of context, then of last unit.

    contexts: [n-grams] place one level below of the n-gram without its last unit
    last:     [n-grams] number of the last unit
    suffixes: [n-grams] place one level below of the n-gram without its first unit
    counts:   [n-grams] how often it occurs
    begins:   [n-grams] whether its first unit is the beginning of a sentence
    """

    contexts: NDArray[np.int32]
    last: NDArray[np.int32]
    suffixes: NDArray[np.int32]
    counts: NDArray[np.int32]
    begins: NDArray[np.bool_]


def number(sentences: Iterable[Sequence[str]]) -> Numbered:
    """The sentences as numbers. Raises UserError where there is none, or one has a SPECIAL unit."""
    following = count()
    numbers: defaultdict[str, int] = defaultdict(lambda: next(following))
    for unit in SPECIAL:
        numbers[unit]
    positions = array("i")
    made = 0
    for units in sentences:
        made += 1
        positions.append(START_ID)
        positions.extend(map(numbers.__getitem__, units))
        positions.append(END_ID)
    if not made:
        raise UserError("the text holds no sentence; expected one a line")
    numbered = Numbered(tuple(numbers), np.frombuffer(positions, np.int32), made)
    _refuse_special(numbered)
    return numbered


def _refuse_special(numbered: Numbered) -> None:
    found = np.bincount(numbered.positions, minlength=len(SPECIAL))[: len(SPECIAL)]
    expected = (0, numbered.sentences, numbered.sentences)
    for unit, times, right in zip(SPECIAL, found, expected, strict=True):
        if times != right:
            raise UserError(
                f"the text holds the unit {unit}, which stands for something else in a language "
                "model; take it out of the text"
            )


def most_frequent(numbered: Numbered, size: int) -> Numbered:
    """The same text with its `size` most frequent units, all others UNKNOWN."""
    counts = np.bincount(numbered.positions, minlength=len(numbered.units))
    counts[: len(SPECIAL)] = 0
    ranked = np.argsort(-counts, kind="stable")[:size]
    kept = np.sort(ranked[counts[ranked] > 0])
    renumbered = np.full(len(counts), UNKNOWN_ID, np.int32)
    renumbered[: len(SPECIAL)] = np.arange(len(SPECIAL))
    renumbered[kept] = len(SPECIAL) + np.arange(len(kept))
    units = SPECIAL + tuple(numbered.units[number] for number in kept)
    return Numbered(units, renumbered[numbered.positions], numbered.sentences)


def needed_gigabytes(numbered: Numbered, order: int) -> float:
    """About what counting a text and estimating its model takes at most, every n-gram another."""
    return len(numbered.positions) * 40 * (order + 1) / 2**30


def count_ngrams(numbered: Numbered, order: int) -> list[Counted]:
    """The n-grams of every length up to `order`, none across sentences.

    Shorter than `order` where no sentence is as long.
    """
    positions, size = numbered.positions, len(numbered.units)
    into = _places_in_sentence(positions, order)
    units = np.arange(size, dtype=np.int32)
    nothing = np.zeros(size, np.int32)
    counts = np.bincount(positions, minlength=size).astype(np.int32)
    levels = [Counted(nothing, units, nothing, counts, units == START_ID)]
    numbers = positions
    for length in range(2, order + 1):
        level, numbers = _next_level(positions, numbers, into, size, length)
        if not len(level.last):
            break
        levels.append(level)
    return levels


def _places_in_sentence(positions: NDArray[np.int32], order: int) -> NDArray[np.int8]:
    """[positions] units before each one in its sentence, at most `order`."""
    into = np.full(len(positions), order, np.int8)
    starts = np.flatnonzero(positions == START_ID)
    for place in range(order - 1, -1, -1):  # what is beyond a sentence's end is written over
        within = starts + place
        into[within[within < len(into)]] = place
    return into


def _next_level(
    positions: NDArray[np.int32],
    numbers: NDArray[np.int32],
    into: NDArray[np.int8],
    size: int,
    length: int,
) -> tuple[Counted, NDArray[np.int32]]:
    """The n-grams of a length, and the number of the one that ends at each position.

    numbers: [positions] that of the n-gram one shorter
    """

    def pieces() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Positions where an n-gram ends, and its key."""
        for begin in range(0, len(positions), PIECE):
            ends = begin + np.flatnonzero(into[begin : begin + PIECE] >= length - 1)
            yield ends, keys_of(numbers[ends - 1], positions[ends], size)

    keys = _different(keys for _, keys in pieces())
    counts = np.zeros(len(keys), np.int64)
    suffixes = np.zeros(len(keys), np.int32)
    begins = np.zeros(len(keys), np.bool_)
    following = np.zeros(len(positions), np.int32)
    for ends, found in pieces():
        places, _ = find(keys, found)
        counts += np.bincount(places, minlength=len(keys))
        suffixes[places] = numbers[ends]
        begins[places] = into[ends] == length - 1
        following[ends] = places
    contexts, last = np.divmod(keys, size)
    kept = (contexts.astype(np.int32), last.astype(np.int32), suffixes, counts.astype(np.int32))
    return Counted(*kept, begins), following


def _different(pieces: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The different numbers of all pieces, sorted; pieces of like length are merged first."""
    merged: list[NDArray[np.int64]] = []
    for piece in pieces:
        merged.append(_sorted_once(piece))
        while len(merged) > 1 and len(merged[-2]) <= 2 * len(merged[-1]):
            merged.append(_sorted_once(np.concatenate([merged.pop(), merged.pop()])))
    return _sorted_once(np.concatenate(merged)) if len(merged) > 1 else merged[0]


def _sorted_once(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """What np.unique gives; that hashes since NumPy 2.3, which takes ten times as long here."""
    found = np.sort(numbers)
    kept: NDArray[np.int64] = found[np.append(True, found[1:] != found[:-1])[: len(found)]]
    return kept
