"""A report as text for people: aligned tables, rates in percent."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from itertools import zip_longest

from ds2kit.scoring.interval import MIN_SPEAKERS
from ds2kit.scoring.report import Confusion, Rate, Report
from ds2kit.types import Score

Table = Sequence[Sequence[str]]

SPEAKERS = 20
"""How many speakers the text names; the JSON names them all."""

CONFUSIONS = 10
"""How many edits of each kind the text names; the JSON names more."""


def render(report: Report) -> str:
    """The text of a report, without a line's end after it."""
    blocks = [_summary(report), _rates(report), _about_intervals(report)]
    if report.speakers:
        blocks.append(_speakers(report))
    if report.leading.score.errors:
        blocks.append(_confusions(report))
    return "\n\n".join(blocks)


def _summary(report: Report) -> str:
    utterances = _counted(report.utterances, "utterance")
    said = _counted(report.words.score.units, "word")
    if report.unit == "character":
        said = _counted(report.leading.score.units, "character")
    speakers = f", {_counted(len(report.speakers), 'speaker')}" if report.speakers else ""
    return f"{utterances}, {said}{speakers}; normaliser: {report.normaliser}"


def _rates(report: Report) -> str:
    header = ("", "%", "95 % interval", "errors", "sub", "del", "ins", "of")
    wer = _rate_row("WER", report.words)
    with_spaces = _rate_row("CER with spaces", report.characters_with_spaces)
    without_spaces = _rate_row("CER without spaces", report.characters_without_spaces)
    if with_spaces[1:] == without_spaces[1:]:
        cers = [("CER", *with_spaces[1:])]
    else:
        cers = [with_spaces, without_spaces]
    if report.unit == "character":
        cers.reverse()
    rows = [wer, *cers] if report.unit == "word" else [*cers, wer]
    wrong = _percent(report.sentences_wrong / report.utterances)
    sentences = ("sentences wrong", wrong, "", f"{report.sentences_wrong:,}", "", "", "")
    return _table([header, *rows, (*sentences, f"{report.utterances:,}")])


def _rate_row(name: str, rate: Rate) -> tuple[str, ...]:
    interval = "-"
    if rate.interval:
        interval = f"{_percent(rate.interval.low)} to {_percent(rate.interval.high)}"
    return name, _percent(rate.score.rate), interval, *_score_cells(rate.score)


def _about_intervals(report: Report) -> str:
    few = "" if report.resampled_by == "speaker" else f" (by speaker from {MIN_SPEAKERS} known up)"
    lines = [f"Intervals: bootstrap, {report.resamples:,} resamples by {report.resampled_by}{few}."]
    if report.unit == "character":
        lines.append("CER leads: this script is written without spaces between words.")
    return "\n".join(lines)


def _speakers(report: Report) -> str:
    rate = "WER %" if report.unit == "word" else "CER %"
    rows: list[tuple[str, ...]] = [
        ("speaker", "utterances", rate, "errors", "sub", "del", "ins", "of")
    ]
    for speaker in report.speakers[:SPEAKERS]:
        score = speaker.leading(report.unit)
        counts = (f"{speaker.utterances:,}", _percent(score.rate), *_score_cells(score))
        rows.append((speaker.name, *counts))
    table = _table(rows)
    more = len(report.speakers) - SPEAKERS
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


def _percent(rate: float) -> str:
    return f"{100 * rate:.2f}" if math.isfinite(rate) else "-"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _table(rows: Table, *, numbers: bool = True) -> str:
    """Columns two spaces apart: the first to the left, and the others to the right if numbers."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            _fill(cell, width, to_right=numbers and column > 0)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _fill(cell: str, width: int, *, to_right: bool) -> str:
    space = " " * (width - _width(cell))
    return space + cell if to_right else cell + space


def _width(text: str) -> int:
    """Columns of a terminal: two for an East Asian wide symbol, none for a mark."""
    return sum(
        0 if unicodedata.combining(symbol) else 1 + (unicodedata.east_asian_width(symbol) in "WF")
        for symbol in text
    )
