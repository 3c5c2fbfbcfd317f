"""Alignment of what was said with what was heard: edit operations over words or characters."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from rapidfuzz.distance import Levenshtein

from ds2kit.types import Score

Unit = Literal["word", "character"]

UNSPACED_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
"""Scripts written without spaces between words, as Unicode's names of their letters begin."""


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
            unspaced += count * unicodedata.name(symbol, "").startswith(UNSPACED_SCRIPTS)
    return "character" if 2 * unspaced > letters else "word"


def edits(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[Edit, ...]:
    """The fewest substitutions, deletions and insertions that make the one of the other.

    Where several alignments are as short, the same one is always taken.
    """
    # Numbered, because rapidfuzz compares hashes, and those of strings may collide.
    numbers: dict[str, int] = {}
    said = [numbers.setdefault(unit, len(numbers)) for unit in reference]
    heard = [numbers.setdefault(unit, len(numbers)) for unit in hypothesis]
    return tuple(
        Edit(
            "" if operation.tag == "insert" else reference[operation.src_pos],
            "" if operation.tag == "delete" else hypothesis[operation.dest_pos],
        )
        for operation in Levenshtein.editops(said, heard)
    )


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
