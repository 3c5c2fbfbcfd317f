"""The report of a scored split: error rates with intervals, by speaker, and what was confused."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ds2kit.errors import UserError
from ds2kit.scoring.align import Edit, Unit, leading_unit
from ds2kit.scoring.interval import (
    RESAMPLES,
    Interval,
    Resampled,
    bootstrap_interval,
    resampled_by,
)
from ds2kit.scoring.measures import LEADING, WITHOUT_SPACES, WORDS, Measure, measures
from ds2kit.scoring.rows import Row, Scored, score_rows
from ds2kit.scoring.slices import Slicing
from ds2kit.text.normalise import normaliser
from ds2kit.text.pinyin import reader
from ds2kit.types import Score

CONFUSIONS = 20
"""How many of the most frequent edits of each kind a report names."""

NOTHING = Score(0, 0, 0, 0)


@dataclass(frozen=True)
class Rate:
    """Errors over all utterances summed, over their units summed."""

    score: Score
    interval: Interval | None

    @classmethod
    def of(cls, scores: Sequence[Score], speakers: Sequence[str], *, resamples: int) -> Rate:
        """Of scores and speakers, one an utterance."""
        interval = bootstrap_interval(scores, speakers, resamples=resamples)
        return cls(sum(scores, NOTHING), interval)

    def to_json(self) -> dict[str, Any]:
        return {
            "rate": finite(self.score.rate),
            "low": self.interval and self.interval.low,
            "high": self.interval and self.interval.high,
            **_counts(self.score),
        }


@dataclass(frozen=True)
class Speaker:
    """One speaker's utterances, summed."""

    name: str
    utterances: int
    words: Score
    characters: Score
    """Spaces not counted."""

    def leading(self, unit: Unit) -> Score:
        return self.words if unit == "word" else self.characters


@dataclass(frozen=True)
class Slice:
    """The utterances that have a value of a column in common.

    rates: by the name of the measure, with intervals of their own
    """

    value: str
    utterances: int
    resampled_by: Resampled
    rates: Mapping[str, Rate]

    def to_json(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "utterances": self.utterances,
            "resampled_by": self.resampled_by,
            **{name: rate.to_json() for name, rate in self.rates.items()},
        }


@dataclass(frozen=True)
class Confusion:
    """An edit and how often it was met."""

    edit: Edit
    count: int


@dataclass(frozen=True)
class Report:
    """All that is said about the hypotheses of a split.

    unit:   what leads, the word or (scripts without spaces) the character; sentences wrong,
            confusions and the order of speakers and slices are by it
    rates:  by the name of the measure
    pinyin: whose readings the syllables are, where they are counted
    slices: by the name of the column
    """

    normaliser: str
    unit: Unit
    utterances: int
    sentences_wrong: int
    rates: Mapping[str, Rate]
    pinyin: str | None
    resampled_by: Resampled
    resamples: int
    speakers: tuple[Speaker, ...]
    slices: Mapping[str, tuple[Slice, ...]]
    substitutions: tuple[Confusion, ...]
    deletions: tuple[Confusion, ...]
    insertions: tuple[Confusion, ...]

    @property
    def words(self) -> Rate:
        return self.rates[WORDS.name]

    @property
    def leading(self) -> Rate:
        """The rate to quote: WER, or CER without spaces where the character leads."""
        return self.rates[LEADING[self.unit].name]

    def to_json(self) -> dict[str, Any]:
        """Rates are fractions of one; a rate without units, or without an interval, is null."""
        sliced = {column: [one.to_json() for one in own] for column, own in self.slices.items()}
        return {
            "normaliser": self.normaliser,
            "unit": self.unit,
            "utterances": self.utterances,
            "sentences_wrong": self.sentences_wrong,
            "sentence_error_rate": self.sentences_wrong / self.utterances,
            **{name: rate.to_json() for name, rate in self.rates.items()},
            "pinyin": self.pinyin,
            "interval": {"percent": 95, "by": self.resampled_by, "resamples": self.resamples},
            "speakers": [_speaker_json(speaker) for speaker in self.speakers],
            "slices": sliced,
            "substitutions": [[*one.edit, one.count] for one in self.substitutions],
            "deletions": [[one.edit.said, one.count] for one in self.deletions],
            "insertions": [[one.edit.heard, one.count] for one in self.insertions],
        }


def report(
    rows: Sequence[Row],
    normaliser_name: str = "prepared",
    *,
    pinyin: bool = False,
    slicings: Sequence[Slicing] = (),
    resamples: int = RESAMPLES,
) -> Report:
    """Score rows; the named normaliser goes over references and hypotheses alike.

    pinyin:   count the syllables of Mandarin too
    slicings: of the places of the rows; each group gets rates of its own
    """
    if not rows:
        raise UserError("there is nothing to score: the split has no utterances")
    normalise = normaliser(normaliser_name)
    counted = measures(pinyin=pinyin)
    unit = leading_unit(normalise(row.reference) for row in rows)
    scored = score_rows(rows, normalise, counted, unit)
    speakers = [row.speaker for row in rows]
    frequent = Counter(edit for one in scored for edit in one.edits)
    return Report(
        normaliser=normaliser_name,
        unit=unit,
        utterances=len(rows),
        sentences_wrong=sum(1 for one in scored if one.edits),
        rates=_rates(scored, counted, resamples),
        pinyin=reader() if pinyin else None,
        resampled_by=resampled_by(speakers),
        resamples=resamples,
        speakers=_by_speaker(scored, unit),
        slices={one.column: _slices(one, scored, counted, unit, resamples) for one in slicings},
        substitutions=_most(frequent, lambda edit: bool(edit.said and edit.heard)),
        deletions=_most(frequent, lambda edit: not edit.heard),
        insertions=_most(frequent, lambda edit: not edit.said),
    )


def _rates(scored: Sequence[Scored], counted: Sequence[Measure], resamples: int) -> dict[str, Rate]:
    speakers = [one.speaker for one in scored]
    return {
        name: Rate.of([one.scores[name] for one in scored], speakers, resamples=resamples)
        for name in (measure.name for measure in counted)
    }


def _slices(
    slicing: Slicing,
    scored: Sequence[Scored],
    counted: Sequence[Measure],
    unit: Unit,
    resamples: int,
) -> tuple[Slice, ...]:
    """Those heard worst first, or in the order of their numbers."""
    found = []
    for value, places in slicing.groups:
        own = [scored[place] for place in places]
        by = resampled_by([one.speaker for one in own])
        found.append(Slice(value, len(own), by, _rates(own, counted, resamples)))
    if not slicing.ordered:
        found.sort(key=lambda one: -one.rates[LEADING[unit].name].score.rate)
    return tuple(found)


def _by_speaker(scored: Iterable[Scored], unit: Unit) -> tuple[Speaker, ...]:
    """The known speakers, those who were heard worst first."""
    utterances: dict[str, list[Scored]] = defaultdict(list)
    for one in scored:
        if one.speaker:
            utterances[one.speaker].append(one)
    speakers = [
        Speaker(
            name,
            len(own),
            sum((one.scores[WORDS.name] for one in own), NOTHING),
            sum((one.scores[WITHOUT_SPACES.name] for one in own), NOTHING),
        )
        for name, own in utterances.items()
    ]
    return tuple(sorted(speakers, key=lambda one: (-one.leading(unit).rate, one.name)))


def _most(frequent: Counter[Edit], of_kind: Callable[[Edit], bool]) -> tuple[Confusion, ...]:
    """The most frequent first; equally frequent ones in alphabetical order."""
    of_this = [Confusion(edit, count) for edit, count in frequent.items() if of_kind(edit)]
    return tuple(sorted(of_this, key=lambda one: (-one.count, one.edit))[:CONFUSIONS])


def finite(rate: float) -> float | None:
    """As JSON can have it, which knows no infinity."""
    return rate if math.isfinite(rate) else None


def _counts(score: Score) -> dict[str, int]:
    return {
        "errors": score.errors,
        "substitutions": score.substitutions,
        "deletions": score.deletions,
        "insertions": score.insertions,
        "units": score.units,
    }


def _speaker_json(speaker: Speaker) -> dict[str, Any]:
    return {
        "speaker": speaker.name,
        "utterances": speaker.utterances,
        "wer": finite(speaker.words.rate),
        "cer_without_spaces": finite(speaker.characters.rate),
        "words": _counts(speaker.words),
        "characters": _counts(speaker.characters),
    }
