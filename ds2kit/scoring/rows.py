"""Utterances as they were said and as they were heard: paired by key, and scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ds2kit.errors import UserError
from ds2kit.scoring.align import Edit, Unit, edits, score_edits
from ds2kit.scoring.measures import LEADING, Measure
from ds2kit.text.normalise import Normaliser
from ds2kit.types import Score

KEYS_NAMED = 3
"""How many keys an error names."""


class Row(NamedTuple):
    """An utterance as it was said and as it was heard; an unknown speaker is ""."""

    key: str
    reference: str
    hypothesis: str
    speaker: str = ""


@dataclass(frozen=True)
class Scored:
    """A row's scores, by the name of the measure, and its edits by the unit that leads."""

    speaker: str
    edits: tuple[Edit, ...]
    scores: Mapping[str, Score]


def pair(
    references: Iterable[tuple[str, str, str]],
    hypotheses: Iterable[tuple[str, str]],
    place: object = "scoring",
) -> list[Row]:
    """Rows of (key, text, speaker) and (key, text), in the order of the references.

    Raises UserError, which names the place, where a key stands twice or on one side only: what
    is scored is exactly what is to be scored.
    """
    references, hypotheses = list(references), list(hypotheses)
    said, heard = [key for key, _, _ in references], [key for key, _ in hypotheses]
    _refuse(place, "references that stand twice", _repeated(said))
    _refuse(place, "hypotheses that stand twice", _repeated(heard))
    _refuse(place, "references without hypothesis", missing(said, heard))
    _refuse(place, "hypotheses without reference", missing(heard, said))
    texts = dict(hypotheses)
    return [Row(key, text, texts[key], speaker) for key, text, speaker in references]


def score_rows(
    rows: Iterable[Row], normalise: Normaliser, counted: Sequence[Measure], unit: Unit
) -> list[Scored]:
    """Each row's score by each measure; the normaliser goes over both sides alike."""
    return [_score(row, normalise, counted, unit) for row in rows]


def _score(row: Row, normalise: Normaliser, counted: Sequence[Measure], unit: Unit) -> Scored:
    reference, hypothesis = normalise(row.reference), normalise(row.hypothesis)
    scores: dict[str, Score] = {}
    leading: tuple[Edit, ...] = ()
    for measure in counted:
        said = measure.units(reference)
        found = edits(said, measure.units(hypothesis))
        scores[measure.name] = score_edits(found, len(said))
        if measure is LEADING[unit]:
            leading = found
    return Scored(row.speaker, leading, scores)


def named(keys: Sequence[str]) -> str:
    """How many, and the first of them."""
    first = ", ".join(keys[:KEYS_NAMED])
    return f"{len(keys)} ({first}{', ...' if len(keys) > KEYS_NAMED else ''})"


def missing(keys: Iterable[str], there: Iterable[str]) -> list[str]:
    """The keys that are not there."""
    known = set(there)
    return [key for key in keys if key not in known]


def _repeated(keys: Iterable[str]) -> list[str]:
    return [key for key, count in Counter(keys).items() if count > 1]


def _refuse(place: object, problem: str, keys: Sequence[str]) -> None:
    if keys:
        raise UserError(
            f"{place}: {problem}: {named(keys)}; every utterance is scored, exactly once: "
            "let `ds2kit decode` complete the split, or remove its folder and decode again"
        )
