"""The report of a scored split: error rates with intervals, by speaker, and what was confused."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ds2kit.errors import UserError
from ds2kit.scoring.align import (
    Edit,
    Unit,
    characters,
    edits,
    leading_unit,
    score_characters,
    score_edits,
    words,
)
from ds2kit.scoring.interval import (
    RESAMPLES,
    Interval,
    Resampled,
    bootstrap_interval,
    resampled_by,
)
from ds2kit.text.normalise import Normaliser, normaliser
from ds2kit.types import Score

CONFUSIONS = 20
"""How many of the most frequent edits of each kind a report names."""

KEYS_NAMED = 3
"""How many keys an error names."""

NOTHING = Score(0, 0, 0, 0)


class Row(NamedTuple):
    """An utterance as it was said and as it was heard; an unknown speaker is ""."""

    key: str
    reference: str
    hypothesis: str
    speaker: str = ""


@dataclass(frozen=True)
class Scored:
    """A row's scores, and its edits by the unit that leads."""

    speaker: str
    edits: tuple[Edit, ...]
    words: Score
    with_spaces: Score
    without_spaces: Score


@dataclass(frozen=True)
class Rate:
    """Errors over all utterances summed, over their units summed."""

    score: Score
    interval: Interval | None

    def to_json(self) -> dict[str, Any]:
        return {
            "rate": _finite(self.score.rate),
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
class Confusion:
    """An edit and how often it was met."""

    edit: Edit
    count: int


@dataclass(frozen=True)
class Report:
    """All that is said about the hypotheses of a split.

    unit: what leads, the word or (scripts without spaces) the character; sentences wrong,
          confusions and the order of the speakers are by it
    """

    normaliser: str
    unit: Unit
    utterances: int
    sentences_wrong: int
    words: Rate
    characters_with_spaces: Rate
    characters_without_spaces: Rate
    resampled_by: Resampled
    resamples: int
    speakers: tuple[Speaker, ...]
    substitutions: tuple[Confusion, ...]
    deletions: tuple[Confusion, ...]
    insertions: tuple[Confusion, ...]

    @property
    def leading(self) -> Rate:
        """The rate to quote: WER, or CER without spaces where the character leads."""
        return self.words if self.unit == "word" else self.characters_without_spaces

    def to_json(self) -> dict[str, Any]:
        """Rates are fractions of one; a rate without units, or without an interval, is null."""
        return {
            "normaliser": self.normaliser,
            "unit": self.unit,
            "utterances": self.utterances,
            "sentences_wrong": self.sentences_wrong,
            "sentence_error_rate": self.sentences_wrong / self.utterances,
            "wer": self.words.to_json(),
            "cer_with_spaces": self.characters_with_spaces.to_json(),
            "cer_without_spaces": self.characters_without_spaces.to_json(),
            "interval": {"percent": 95, "by": self.resampled_by, "resamples": self.resamples},
            "speakers": [_speaker_json(speaker) for speaker in self.speakers],
            "substitutions": [[*one.edit, one.count] for one in self.substitutions],
            "deletions": [[one.edit.said, one.count] for one in self.deletions],
            "insertions": [[one.edit.heard, one.count] for one in self.insertions],
        }


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
    _refuse(place, "references stand twice", _repeated(said))
    _refuse(place, "hypotheses stand twice", _repeated(heard))
    _refuse(place, "references have no hypothesis", _missing(said, heard))
    _refuse(place, "hypotheses have no reference", _missing(heard, said))
    texts = dict(hypotheses)
    return [Row(key, text, texts[key], speaker) for key, text, speaker in references]


def report(
    rows: Sequence[Row], normaliser_name: str = "prepared", *, resamples: int = RESAMPLES
) -> Report:
    """Score rows; the named normaliser goes over references and hypotheses alike."""
    if not rows:
        raise UserError("there is nothing to score: the split has no utterances")
    normalise = normaliser(normaliser_name)
    unit = leading_unit(normalise(row.reference) for row in rows)
    scored = [_score(row, normalise, unit) for row in rows]
    speakers = [row.speaker for row in rows]

    def rate(scores: Sequence[Score]) -> Rate:
        interval = bootstrap_interval(scores, speakers, resamples=resamples)
        return Rate(sum(scores, NOTHING), interval)

    frequent = Counter(edit for one in scored for edit in one.edits)
    return Report(
        normaliser=normaliser_name,
        unit=unit,
        utterances=len(rows),
        sentences_wrong=sum(1 for one in scored if one.edits),
        words=rate([one.words for one in scored]),
        characters_with_spaces=rate([one.with_spaces for one in scored]),
        characters_without_spaces=rate([one.without_spaces for one in scored]),
        resampled_by=resampled_by(speakers),
        resamples=resamples,
        speakers=_by_speaker(scored, unit),
        substitutions=_most(frequent, lambda edit: bool(edit.said and edit.heard)),
        deletions=_most(frequent, lambda edit: not edit.heard),
        insertions=_most(frequent, lambda edit: not edit.said),
    )


def _score(row: Row, normalise: Normaliser, unit: Unit) -> Scored:
    reference, hypothesis = normalise(row.reference), normalise(row.hypothesis)
    said_words = words(reference)
    said = characters(reference, spaces=False)
    by_word = edits(said_words, words(hypothesis))
    by_character = edits(said, characters(hypothesis, spaces=False))
    return Scored(
        speaker=row.speaker,
        edits=by_word if unit == "word" else by_character,
        words=score_edits(by_word, len(said_words)),
        with_spaces=score_characters(reference, hypothesis, spaces=True),
        without_spaces=score_edits(by_character, len(said)),
    )


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
            sum((one.words for one in own), NOTHING),
            sum((one.without_spaces for one in own), NOTHING),
        )
        for name, own in utterances.items()
    ]
    return tuple(sorted(speakers, key=lambda one: (-one.leading(unit).rate, one.name)))


def _most(frequent: Counter[Edit], of_kind: Callable[[Edit], bool]) -> tuple[Confusion, ...]:
    """The most frequent first; equally frequent ones in alphabetical order."""
    of_this = [Confusion(edit, count) for edit, count in frequent.items() if of_kind(edit)]
    return tuple(sorted(of_this, key=lambda one: (-one.count, one.edit))[:CONFUSIONS])


def _repeated(keys: Iterable[str]) -> list[str]:
    return [key for key, count in Counter(keys).items() if count > 1]


def _missing(keys: Iterable[str], there: Iterable[str]) -> list[str]:
    known = set(there)
    return [key for key in keys if key not in known]


def _refuse(place: object, problem: str, keys: Sequence[str]) -> None:
    if keys:
        named = ", ".join(keys[:KEYS_NAMED]) + (", ..." if len(keys) > KEYS_NAMED else "")
        raise UserError(
            f"{place}: {len(keys)} {problem} ({named}); every utterance is scored, exactly once: "
            "let `ds2kit decode` complete the split, or remove its folder and decode again"
        )


def _finite(rate: float) -> float | None:
    """JSON has no infinity."""
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
        "wer": _finite(speaker.words.rate),
        "cer_without_spaces": _finite(speaker.characters.rate),
        "words": _counts(speaker.words),
        "characters": _counts(speaker.characters),
    }
