"""Two systems on the same utterances: how far apart they are, and whether that may be chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ds2kit.errors import UserError
from ds2kit.scoring.align import Unit, leading_unit
from ds2kit.scoring.interval import (
    RESAMPLES,
    Interval,
    Resampled,
    by_resampled,
    difference_interval,
    resampled_by,
)
from ds2kit.scoring.measures import LEADING, measures
from ds2kit.scoring.report import Rate, finite
from ds2kit.scoring.rows import Row, Scored, missing, named, score_rows
from ds2kit.scoring.significance import randomisation_p
from ds2kit.text.normalise import normaliser
from ds2kit.text.pinyin import reader


@dataclass(frozen=True)
class Difference:
    """Two error rates of the same utterances.

    interval: of the second minus the first
    p:        two-sided, of the exact paired randomisation test
    """

    first: Rate
    second: Rate
    interval: Interval | None
    p: float

    @property
    def absolute(self) -> float:
        """The second rate minus the first: below zero, the second is better."""
        return self.second.score.rate - self.first.score.rate

    @property
    def relative(self) -> float:
        """The same as a part of the first rate."""
        rate = self.first.score.rate
        return self.absolute / rate if rate else float("nan")

    def to_json(self) -> dict[str, Any]:
        return {
            "first": self.first.to_json(),
            "second": self.second.to_json(),
            "difference": finite(self.absolute),
            "low": self.interval and self.interval.low,
            "high": self.interval and self.interval.high,
            "relative": finite(self.relative),
            "p": self.p,
        }


@dataclass(frozen=True)
class Comparison:
    """All that is said about two systems' hypotheses of the same utterances.

    unit:          what leads, as in a report
    better, worse: utterances in which the second has fewer, or more, errors by that unit
    differences:   by the name of the measure
    pinyin:        whose readings the syllables are, where they are counted
    paired_by:     what is resampled, and what is exchanged by the test
    """

    normaliser: str
    unit: Unit
    utterances: int
    better: int
    worse: int
    differences: Mapping[str, Difference]
    pinyin: str | None
    paired_by: Resampled
    resamples: int

    @property
    def leading(self) -> Difference:
        """Of the rate to quote."""
        return self.differences[LEADING[self.unit].name]

    def to_json(self) -> dict[str, Any]:
        """Rates and differences are fractions of one; what cannot be said is null."""
        return {
            "normaliser": self.normaliser,
            "unit": self.unit,
            "utterances": self.utterances,
            "better": self.better,
            "worse": self.worse,
            **{name: one.to_json() for name, one in self.differences.items()},
            "pinyin": self.pinyin,
            "interval": {"percent": 95, "by": self.paired_by, "resamples": self.resamples},
            "test": {"name": "exact paired randomisation, two-sided", "by": self.paired_by},
        }


def compare(
    first: Sequence[Row],
    second: Sequence[Row],
    normaliser_name: str = "prepared",
    *,
    pinyin: bool = False,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare rows of the same keys and references, in any order; speakers are the first's.

    Raises UserError where the keys or the normalised references differ.
    """
    if not first:
        raise UserError("there is nothing to compare: the split has no utterances")
    normalise = normaliser(normaliser_name)
    decode = "decode the same prepared split with both"
    _refuse("utterances of the first only", missing(_keys(first), _keys(second)), decode)
    _refuse("utterances of the second only", missing(_keys(second), _keys(first)), decode)
    by_key = {row.key: row for row in second}
    second = [by_key[row.key] for row in first]
    said = [normalise(row.reference) for row in first]
    also = [normalise(row.reference) for row in second]
    others = [row.key for row, a, b in zip(first, said, also, strict=True) if a != b]
    agree = f"{decode}, or choose a normaliser under which they agree"
    _refuse("utterances whose references differ", others, agree)
    unit, counted = leading_unit(said), measures(pinyin=pinyin)
    a = score_rows(first, normalise, counted, unit)
    b = score_rows(second, normalise, counted, unit)
    speakers = [row.speaker for row in first]
    errors = _errors(b, LEADING[unit].name) - _errors(a, LEADING[unit].name)
    return Comparison(
        normaliser=normaliser_name,
        unit=unit,
        utterances=len(first),
        better=int((errors < 0).sum()),
        worse=int((errors > 0).sum()),
        differences={one.name: _difference(a, b, one.name, speakers, resamples) for one in counted},
        pinyin=reader() if pinyin else None,
        paired_by=resampled_by(speakers),
        resamples=resamples,
    )


def _difference(
    first: Sequence[Scored],
    second: Sequence[Scored],
    measure: str,
    speakers: Sequence[str],
    resamples: int,
) -> Difference:
    a, b = ([one.scores[measure] for one in scored] for scored in (first, second))
    apart = by_resampled(_errors(second, measure) - _errors(first, measure), speakers)
    return Difference(
        Rate.of(a, speakers, resamples=resamples),
        Rate.of(b, speakers, resamples=resamples),
        difference_interval(a, b, speakers, resamples=resamples),
        randomisation_p(apart.tolist()),
    )


def _errors(scored: Sequence[Scored], measure: str) -> np.ndarray:
    """[utterances], int64."""
    return np.array([one.scores[measure].errors for one in scored], dtype=np.int64)


def _keys(rows: Sequence[Row]) -> list[str]:
    return [row.key for row in rows]


def _refuse(problem: str, keys: Sequence[str], remedy: str) -> None:
    if keys:
        raise UserError(
            f"{problem}: {named(keys)}; two are compared on the same utterances: {remedy}"
        )
