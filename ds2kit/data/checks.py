"""What a training split holds that cannot be learned from, found before training starts.

The index and the tokenizer are enough: no sound is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ds2kit.components import Tokenizer
from ds2kit.data.index import Index
from ds2kit.errors import Problems, UserError

NAMED = 5
"""How many utterances of a kind are named; all are counted."""


@dataclass(frozen=True)
class Finding:
    """A kind of problem: how many utterances have it, and the first few with their particulars."""

    kind: str
    count: int
    named: tuple[str, ...]

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.named) else ""
        return f"{self.count} {self.kind}: {', '.join(self.named)}{more}"


@dataclass(frozen=True, eq=False)
class Report:
    """What was found in a split.

    kept:     [kept] int64, positions in the index of what can be learned from, ascending
    total:    utterances of the split
    findings: one for each kind that occurs; an utterance may have several
    """

    kept: NDArray[np.int64]
    total: int
    findings: tuple[Finding, ...]

    @property
    def bad(self) -> int:
        return self.total - len(self.kept)


def check_training(
    index: Index,
    tokenizer: Tokenizer,
    output_lengths: Callable[[Tensor], Tensor],
    *,
    sample_rate: int,
    speeds: Sequence[float],
    seconds_per_step: float,
    min_seconds: float,
    max_seconds: float,
    on_bad: Literal["refuse", "skip"],
) -> Report:
    """The utterances to train on, and what is wrong with the others.

    output_lengths: frames of log-probabilities for so many samples at `sample_rate`

    Raises UserError, a line for each kind, where `on_bad` is `refuse` and something is bad; and
    where nothing would be left.
    """
    bad = np.zeros(len(index), dtype=bool)
    findings = []
    texts = _Texts(index, tokenizer)
    for kind, found in (
        *texts.findings(),
        _unalignable(index, texts.needed, output_lengths, sample_rate, max(speeds)),
        *_durations(index, speeds, seconds_per_step, min_seconds, max_seconds),
    ):
        bad[list(found)] = True
        if found:
            named = [f"{index.keys[i]} ({found[i]})" for i in list(found)[:NAMED]]
            findings.append(Finding(kind, len(found), tuple(named)))
    report = Report(np.flatnonzero(~bad), len(index), tuple(findings))
    _judge(index, report, on_bad)
    return report


def needed_frames(ids: Sequence[int]) -> int:
    """The fewest frames that CTC can align with: one a token, and a blank between two equal."""
    return len(ids) + sum(one == other for one, other in pairwise(ids))


def alignable(frames: int, ids: Sequence[int]) -> bool:
    """Whether CTC can align so many tokens with so many frames."""
    return frames >= needed_frames(ids)


Found = dict[int, str]
"""Position of an utterance to what is particular about it."""


class _Texts:
    """The transcripts of a split, tokenized once.

    needed: [utterances] int64, frames that each needs; 0 where it has no tokens
    """

    def __init__(self, index: Index, tokenizer: Tokenizer) -> None:
        self.needed = np.zeros(len(index), dtype=np.int64)
        self.foreign: Found = {}
        self.empty: Found = {}
        for i, text in enumerate(index.texts):
            if symbols := tokenizer.foreign(text):
                self.foreign[i] = ", ".join(repr(symbol) for symbol in symbols[:NAMED])
                continue
            self.needed[i] = needed_frames(tokenizer.encode(text))
            if not self.needed[i]:
                self.empty[i] = repr(text[:20])

    def findings(self) -> Iterator[tuple[str, Found]]:
        yield "with symbols that the tokenizer does not know", self.foreign
        yield "with an empty transcript", self.empty


def _unalignable(
    index: Index,
    needed: NDArray[np.int64],
    output_lengths: Callable[[Tensor], Tensor],
    sample_rate: int,
    fastest: float,
) -> tuple[str, Found]:
    samples = torch.from_numpy(index.samples_at(sample_rate, fastest))
    frames = output_lengths(samples).numpy()
    found = {
        int(i): f"{frames[i]} frames, {needed[i]} needed" for i in np.flatnonzero(frames < needed)
    }
    at_speed = "" if fastest == 1 else f" at speed {fastest:g}"
    return f"too short for their transcript{at_speed}", found


def _durations(
    index: Index,
    speeds: Sequence[float],
    seconds_per_step: float,
    min_seconds: float,
    max_seconds: float,
) -> Iterator[tuple[str, Found]]:
    shortest, longest = index.seconds / max(speeds), index.seconds / min(speeds)
    for kind, which, seconds in (
        (f"shorter than data.min_seconds={min_seconds:g}", shortest < min_seconds, shortest),
        (f"longer than data.max_seconds={max_seconds:g}", longest > max_seconds, longest),
        (
            f"longer than data.seconds_per_step={seconds_per_step:g}",
            longest > seconds_per_step,
            longest,
        ),
    ):
        yield kind, {int(i): f"{seconds[i]:.2f} s" for i in np.flatnonzero(which)}


def _judge(index: Index, report: Report, on_bad: str) -> None:
    lines = [str(finding) for finding in report.findings]
    if on_bad == "refuse" and report.bad:
        place = (
            f"{index.folder}: {report.bad} of {report.total} utterances cannot be learned from; "
            "mend them, or set data.on_bad=skip to leave them out"
        )
        raise Problems(place, lines)
    if not len(report.kept):
        why = f": {'; '.join(lines)}" if lines else ""
        raise UserError(f"{index.folder}: no utterance is left to train on{why}")
