"""A report, or a comparison, as text for people: aligned tables, rates in percent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from ds2kit.scoring.align import Unit
from ds2kit.scoring.comparison import Comparison, Difference
from ds2kit.scoring.interval import MIN_SPEAKERS, Interval, Resampled
from ds2kit.scoring.measures import (
    LEADING,
    WITH_SPACES,
    WITH_TONES,
    WITHOUT_SPACES,
    WITHOUT_TONES,
    WORDS,
)
from ds2kit.scoring.report import Confusion, Rate, Report, Slice
from ds2kit.text.scripts import display_width
from ds2kit.types import Score

Table = Sequence[Sequence[str]]

LISTED = 20
"""How many speakers, or values of a column, the text names; the JSON names them all."""

CONFUSIONS = 10
"""How many edits of each kind the text names; the JSON names more."""

SIGNIFICANT = 0.05
"""The text calls two systems different where p is below this."""

EXACT = ("errors", "sub", "del", "ins", "of")
"""The columns of `_score_cells`."""


def render(report: Report) -> str:
    """The text of a report, without a line's end after it."""
    blocks = [_summary(report), _rates(report), _about_intervals(report)]
    if report.speakers and "speaker" not in report.slices:
        blocks.append(_speakers(report))
    blocks += [_slices(column, own, report.unit) for column, own in report.slices.items()]
    if report.leading.score.errors:
        blocks.append(_confusions(report))
    return "\n\n".join(blocks)


def render_comparison(compared: Comparison, first: object, second: object) -> str:
    """The text of a comparison of what is called A and B in it, likewise."""
    header = ("", "A %", "B %", "B - A", "95 % interval", "relative %", "p")
    shown = _shown(compared.differences, compared.unit)
    rows = [_difference_row(title, compared.differences[name]) for title, name in shown]
    same = compared.utterances - compared.better - compared.worse
    resampled = _resampled(compared.paired_by, compared.resamples)
    about = [
        f"B has fewer errors in {_counted(compared.better, 'utterance')}, more in "
        f"{compared.worse:,}, as many in {same:,}.",
        f"Intervals of B - A: paired bootstrap, {resampled}.",
        f"p: exact paired randomisation by {compared.paired_by}, two-sided.",
        *_about_pinyin(compared.pinyin),
    ]
    blocks = [
        f"{_counted(compared.utterances, 'utterance')}; normaliser: {compared.normaliser}",
        f"A: {first}\nB: {second}",
        _table([header, *rows]),
        "\n".join(about),
        _verdict(compared),
    ]
    return "\n\n".join(blocks)


def _summary(report: Report) -> str:
    utterances = _counted(report.utterances, "utterance")
    said = _counted(report.words.score.units, "word")
    if report.unit == "character":
        said = _counted(report.leading.score.units, "character")
    speakers = f", {_counted(len(report.speakers), 'speaker')}" if report.speakers else ""
    return f"{utterances}, {said}{speakers}; normaliser: {report.normaliser}"


def _rates(report: Report) -> str:
    header = ("", "%", "95 % interval", *EXACT)
    shown = _shown(report.rates, report.unit)
    rows = [_rate_row(title, report.rates[name]) for title, name in shown]
    wrong = _percent(report.sentences_wrong / report.utterances)
    sentences = ("sentences wrong", wrong, "", f"{report.sentences_wrong:,}", "", "", "")
    return _table([header, *rows, (*sentences, f"{report.utterances:,}")])


def _shown(values: Mapping[str, Any], unit: Unit) -> list[tuple[str, str]]:
    """The title of each measure, and its name: what leads first, one CER where both are one."""
    cers = [(one.title, one.name) for one in (WITH_SPACES, WITHOUT_SPACES)]
    if values[WITH_SPACES.name] == values[WITHOUT_SPACES.name]:
        cers = [("CER", WITHOUT_SPACES.name)]
    wer = [(WORDS.title, WORDS.name)]
    pinyin = [(one.title, one.name) for one in (WITH_TONES, WITHOUT_TONES) if one.name in values]
    return [*wer, *cers, *pinyin] if unit == "word" else [*cers[::-1], *pinyin, *wer]


def _rate_row(title: str, rate: Rate) -> tuple[str, ...]:
    return title, _percent(rate.score.rate), _interval(rate.interval), *_score_cells(rate.score)


def _difference_row(title: str, difference: Difference) -> tuple[str, ...]:
    return (
        title,
        _percent(difference.first.score.rate),
        _percent(difference.second.score.rate),
        _percent(difference.absolute, sign="+"),
        _interval(difference.interval, sign="+"),
        _percent(difference.relative, sign="+"),
        _p(difference.p),
    )


def _verdict(compared: Comparison) -> str:
    name, found = LEADING[compared.unit].title.split()[0], compared.leading
    if found.p >= SIGNIFICANT:
        return f"{name}: no difference is shown, so much may be chance (p {_p(found.p, '= ')})."
    better = "B" if found.second.score.errors < found.first.score.errors else "A"
    return f"{name}: {better} is better (p {_p(found.p, '= ')})."


def _about_intervals(report: Report) -> str:
    lines = [f"Intervals: bootstrap, {_resampled(report.resampled_by, report.resamples)}."]
    if report.unit == "character":
        lines.append("CER leads: this script is written without spaces between words.")
    return "\n".join([*lines, *_about_pinyin(report.pinyin)])


def _resampled(by: Resampled, resamples: int) -> str:
    few = "" if by == "speaker" else f" (by speaker from {MIN_SPEAKERS} known up)"
    return f"{resamples:,} resamples by {by}{few}"


def _about_pinyin(reader: str | None) -> list[str]:
    return [f"Syllables are read by {reader}."] if reader else []


def _speakers(report: Report) -> str:
    rate = f"{LEADING[report.unit].title.split()[0]} %"
    rows: list[tuple[str, ...]] = [("speaker", "utterances", rate, *EXACT)]
    for speaker in report.speakers[:LISTED]:
        score = speaker.leading(report.unit)
        counts = (f"{speaker.utterances:,}", _percent(score.rate), *_score_cells(score))
        rows.append((speaker.name, *counts))
    return _cut(_table(rows), len(report.speakers))


def _slices(column: str, slices: Sequence[Slice], unit: Unit) -> str:
    leading = LEADING[unit]
    rate = f"{leading.title.split()[0]} %"
    rows: list[tuple[str, ...]] = [(f"by {column}", "utterances", rate, "95 % interval", *EXACT)]
    for one in slices[:LISTED]:
        _, *cells = _rate_row("", one.rates[leading.name])
        rows.append((one.value or "(empty)", f"{one.utterances:,}", *cells))
    return _cut(_table(rows), len(slices))


def _cut(table: str, rows: int) -> str:
    more = rows - LISTED
    return f"{table}\n(and {more:,} more, heard better)" if more > 0 else table


def _confusions(report: Report) -> str:
    substituted = [f"{one.edit.said} > {one.edit.heard}" for one in report.substitutions]
    columns = (
        ["substituted", *_numbered(report.substitutions, substituted)],
        ["deleted", *_numbered(report.deletions, [one.edit.said for one in report.deletions])],
        ["inserted", *_numbered(report.insertions, [one.edit.heard for one in report.insertions])],
    )
    return _table(list(zip_longest(*columns, fillvalue="")), numbers=False)


def _numbered(confusions: Sequence[Confusion], texts: Sequence[str]) -> list[str]:
    counted = [f"{one.count:,} x {text}" for one, text in zip(confusions, texts, strict=True)]
    return counted[:CONFUSIONS]


def _score_cells(score: Score) -> tuple[str, ...]:
    numbers = (score.errors, score.substitutions, score.deletions, score.insertions, score.units)
    return tuple(f"{number:,}" for number in numbers)


def _percent(rate: float, *, sign: str = "") -> str:
    return f"{100 * rate:{sign}.2f}" if math.isfinite(rate) else "-"


def _interval(interval: Interval | None, *, sign: str = "") -> str:
    if interval is None:
        return "-"
    return f"{_percent(interval.low, sign=sign)} to {_percent(interval.high, sign=sign)}"


def _p(p: float, equals: str = "") -> str:
    return f"{equals}{p:.4f}" if p >= 0.0001 else "< 0.0001"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _table(rows: Table, *, numbers: bool = True) -> str:
    """Columns two spaces apart: the first to the left, and the others to the right if numbers."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            _fill(cell, width, to_right=numbers and column > 0)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _fill(cell: str, width: int, *, to_right: bool) -> str:
    space = " " * (width - display_width(cell))
    return space + cell if to_right else cell + space
