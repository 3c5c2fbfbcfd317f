"""Alignment of what was said with what was heard: edit operations over words or characters."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq, Levenshtein

from ds2kit.text import scripts
from ds2kit.types import Score

Unit = Literal["word", "character"]

MOST_CELLS = 10_000_000
"""Bounds the memory of an alignment; longer utterances (3,000 units) keep any shortest one."""


class Place(NamedTuple):
    """Where an edit operation is: the places of the unit said and of the unit heard."""

    tag: str
    said: int
    heard: int


class Edit(NamedTuple):
    """One edit operation: the unit said and the unit heard, "" where there is none."""

    said: str
    heard: str


def words(text: str) -> list[str]:
    """What stands between spaces."""
    return text.split()


def characters(text: str, *, spaces: bool) -> list[str]:
    """The code points of a text; a space between two words is one of them or is not."""
    return list((" " if spaces else "").join(text.split()))


def leading_unit(texts: Iterable[str]) -> Unit:
    """The unit whose error rate says most: the word, or the character where most of the letters
    are of scripts written without spaces (a sentence would be a single word there)."""
    unspaced = letters = 0
    for symbol, count in Counter("".join(texts)).items():
        if unicodedata.category(symbol)[0] in "LM":
            letters += count
            unspaced += count * scripts.unspaced(symbol)
    return "character" if 2 * unspaced > letters else "word"


def edits(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[Edit, ...]:
    """The fewest substitutions, deletions and insertions that make the one of the other.

    Of several alignments as short, one with the most units right, as NIST's sclite aligns: "a b"
    heard as "b c" is a deletion and an insertion, and b is right. It is always the same one.
    """
    # Numbered, because rapidfuzz compares hashes, and those of strings may collide.
    numbers: dict[str, int] = {}
    said = [numbers.setdefault(unit, len(numbers)) for unit in reference]
    heard = [numbers.setdefault(unit, len(numbers)) for unit in hypothesis]
    found = [Place(*operation) for operation in Levenshtein.editops(said, heard).as_list()]
    right = len(said) - sum(1 for place in found if place.tag != "insert")
    # No alignment has more units right than the longest common subsequence.
    if right < LCSseq.similarity(said, heard) and len(said) * len(heard) <= MOST_CELLS:
        found = _most_right(np.array(said, np.int32), np.array(heard, np.int32))
    return tuple(
        Edit(
            "" if place.tag == "insert" else reference[place.said],
            "" if place.tag == "delete" else hypothesis[place.heard],
        )
        for place in found
    )


def _most_right(said: NDArray[np.int32], heard: NDArray[np.int32]) -> list[Place]:
    """Of the shortest alignments one with the most units right, by dynamic programming.

    What counts is how much a pair spares: a right one a deletion and an insertion, a substitution
    one of the two, and a trifle less, for which no edit more is ever worth while.
    """
    edit = len(said) + len(heard) + 1
    spared = np.where(np.equal.outer(said, heard), 2 * edit, edit - 1).astype(np.int32)
    best = np.zeros((len(said) + 1, len(heard) + 1), dtype=np.int32)
    for row in range(len(said)):
        before, now = best[row], best[row + 1]
        np.add(before[:-1], spared[row], out=now[1:])
        np.maximum(now[1:], before[1:], out=now[1:])
        np.maximum.accumulate(now, out=now)
    return _traced(best, spared < edit)


def _traced(best: NDArray[np.int32], wrong: NDArray[np.bool_]) -> list[Place]:
    """The edits of the best way, first to last."""
    found: list[Place] = []
    row, column = wrong.shape
    while row or column:
        if row and best[row, column] == best[row - 1, column]:
            row -= 1
            found.append(Place("delete", row, column))
        elif column and best[row, column] == best[row, column - 1]:
            column -= 1
            found.append(Place("insert", row, column))
        else:
            row, column = row - 1, column - 1
            if wrong[row, column]:
                found.append(Place("replace", row, column))
    return found[::-1]


def score_edits(found: Iterable[Edit], units: int) -> Score:
    """The count of each operation, against a reference of so many units."""
    deletions = insertions = substitutions = 0
    for edit in found:
        if not edit.heard:
            deletions += 1
        elif not edit.said:
            insertions += 1
        else:
            substitutions += 1
    return Score(substitutions, deletions, insertions, units)


def score_words(reference: str, hypothesis: str) -> Score:
    """Word errors of one utterance, of texts that are normalised already."""
    said = words(reference)
    return score_edits(edits(said, words(hypothesis)), len(said))


def score_characters(reference: str, hypothesis: str, *, spaces: bool) -> Score:
    """Character errors of one utterance; `spaces` says whether a space between words counts."""
    said = characters(reference, spaces=spaces)
    return score_edits(edits(said, characters(hypothesis, spaces=spaces)), len(said))
