"""What `ds2kit transcribe --stream` prints: words as they are final, and what may still change.

Each way to print is told of the words that became final with a piece of sound (`heard`), of the
whole with those that its end made final (`finished`), and that an error's message follows
(`stopped`), which is to stand on a line of its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ds2kit.text.scripts import apart, display_width

if TYPE_CHECKING:
    from ds2kit.decoding.stream import Stream
    from ds2kit.decoding.words import Partial, TimedWord, Transcript

ERASE = "\r\x1b[K"
"""What a terminal takes for: begin the line anew."""


class Objects:
    """JSON lines: an object a word, one where `partial` changed, and at last one of the whole."""

    def __init__(self, stream: Stream, file: Path, *, partial: bool) -> None:
        self._stream, self._file = stream, file
        self._told: Partial | None = stream.partial() if partial else None

    def heard(self, words: Sequence[TimedWord]) -> None:
        after = round(self._stream.seconds, 4)
        for word in words:
            _print({**asdict(word), "after": after})
        if self._told is not None:
            partial = self._stream.partial()
            if (partial.text, partial.final) != (self._told.text, self._told.final):
                _print({"partial": partial.text, "final": partial.final, "after": after})
            self._told = partial

    def finished(self, transcript: Transcript, words: Sequence[TimedWord]) -> None:
        for word in words:
            _print({**asdict(word), "after": round(self._stream.seconds, 4)})
        print_transcript(self._file, transcript)

    def stopped(self) -> None:
        pass  # all lines are whole


class Line:
    """The words on one line, each as soon as it is final."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._said = ""

    def heard(self, words: Sequence[TimedWord]) -> None:
        if words:
            click.echo(self._stream.final[len(self._said) :], nl=False)
            self._said = self._stream.final

    def finished(self, transcript: Transcript, words: Sequence[TimedWord]) -> None:
        click.echo(_after(self._said, transcript))

    def stopped(self) -> None:
        if self._said:
            click.echo()


class LiveLine:
    """The text so far on a terminal: what is final stays, what may change is dim and rewritten."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        # What is on the terminal: what was said, the end of that in the last row, and the rest.
        self._said, self._row, self._rest = "", "", stream.partial().text

    def heard(self, words: Sequence[TimedWord]) -> None:
        partial = self._stream.partial()
        rest = partial.text[len(partial.final) :]
        if words or rest != self._rest:
            self._show(self._stream.final[len(self._said) :], rest)
            self._said = self._stream.final

    def finished(self, transcript: Transcript, words: Sequence[TimedWord]) -> None:
        self._show(_after(self._said, transcript), "")
        click.echo()

    def stopped(self) -> None:
        if self._said or self._rest:
            click.echo()

    def _show(self, said: str, rest: str) -> None:
        # A terminal goes on by itself in the next row from the last column.
        width = shutil.get_terminal_size().columns - 1
        *full, row = rows((self._row + said).lstrip(" "), width)
        if row and display_width(row + rest) > width:
            full, row = [*full, row], ""
        begun = row + (rest if row else rest.lstrip(" "))
        shown = rows(begun, width)[-1][len(row) :]
        kept = "".join(f"{line}\n" for line in full) + row
        click.echo(ERASE + kept + (click.style(shown, dim=True) if shown else ""), nl=False)
        self._row, self._rest = row, rest


def rows(text: str, width: int) -> list[str]:
    """A text in rows of at most so many columns, cut between words where that can be."""
    found = []
    while display_width(text) > width:
        lengths = range(len(text) - 1, 0, -1)
        fitting = next((n for n in lengths if display_width(text[:n]) <= width), 1)
        end = next((n for n in range(fitting, 0, -1) if _may_be_cut(text, n)), fitting)
        found.append(text[:end].rstrip(" "))
        text = text[end:].lstrip(" ")
    return [*found, text]


def _may_be_cut(text: str, place: int) -> bool:
    return text[place] == " " or apart(text[place - 1], text[place])


Captions = Objects | Line | LiveLine


def print_transcript(file: Path, transcript: Transcript) -> None:
    """An object of the whole, on a line."""
    _print({"file": click.format_filename(file), **asdict(transcript)})


def _after(said: str, transcript: Transcript) -> str:
    """What a transcript has after its final beginning."""
    from ds2kit.decoding.words import cut

    return cut(transcript.text, len(said.replace(" ", "")))[1]


def _print(line: dict[str, object]) -> None:
    click.echo(json.dumps(line, ensure_ascii=False))
