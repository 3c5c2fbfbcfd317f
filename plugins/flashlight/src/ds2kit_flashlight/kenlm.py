"""N-gram models, read by the KenLM that is inside flashlight-text."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from flashlight.lib.text.decoder.kenlm import KenLM as Native
from flashlight.lib.text.dictionary import Dictionary

from ds2kit.components import END, START, UNKNOWN, LanguageModel
from ds2kit.errors import UserError
from ds2kit.lm.arpa import read_unigrams
from ds2kit.lm.ngram import counted_unit
from ds2kit.lm.ngrams import LN_10, MOST_ORDER, NGrams

BINARY = b"mmap lm http://kheafield.com/code"
"""How a file in KenLM's own format begins."""

UNREADABLE = {b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
"""Compression that the wheels' KenLM was built without, by its first bytes."""


@dataclass(slots=True, unsafe_hash=True)
class State:
    """What the model remembers of a text: its last units; and KenLM's own state."""

    context: tuple[str, ...]
    native: Any = field(compare=False)


class KenLM(LanguageModel):
    """An n-gram model in ARPA's format (.arpa, .arpa.gz) or KenLM's own, of order 6 at most.

    unit: what it counts; auto: what the file says, or characters where each of its units is one
        code point, else words

    Raises UserError where the file is of another unit, or KenLM would not read it.
    """

    vocabulary: tuple[str, ...]
    order: int

    def __init__(
        self, path: Path, *, unit: Literal["auto", "word", "character", "token"] = "auto"
    ) -> None:
        units, self.order = _read_units(path)
        self.path = path
        self.unit = counted_unit(path, units, unit)
        self.vocabulary = units.vocabulary
        self._numbers = {one: number for number, one in enumerate((*self.vocabulary, UNKNOWN))}

    def initial_state(self) -> State:
        return State((START,)[: self.order - 1], self._model.start(False))

    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[State]]:
        scores, following = [], []
        unknown = len(self.vocabulary)
        for state, unit in zip(states, units, strict=True):
            if unit == END:
                native, log10 = self._model.finish(state.native)
            else:
                native, log10 = self._model.score(state.native, self._numbers.get(unit, unknown))
            context = (*state.context, unit)
            scores.append(LN_10 * log10)
            following.append(State(context[max(0, len(context) - self.order + 1) :], native))
        return scores, following

    def knows(self, unit: str) -> bool:
        return unit == END or (unit in self._numbers and unit != UNKNOWN)

    def native(self, units: Sequence[str]) -> Native:
        """flashlight's own object of the model, whose scores are logarithms of base 10.

        Raises UserError where KenLM cannot read the file.
        """
        dictionary = Dictionary()
        for number, unit in enumerate(units):
            dictionary.add_entry(unit, number)
        try:
            with _without_stderr():
                return Native(str(self.path), dictionary)
        # The second: where the message would quote the file, which is no text.
        except (RuntimeError, UnicodeDecodeError) as error:
            raise UserError(
                f"{self.path} cannot be read by KenLM: {_reason(error)}; it may be cut off, or "
                "written as only the language model ngram reads it: make it again, or take that"
            ) from error

    @cached_property
    def _model(self) -> Native:
        return self.native(tuple(self._numbers))


def _read_units(path: Path) -> tuple[NGrams, int]:
    """The units of a file, and its order, at most: KenLM itself tells neither.

    Raises UserError where there is no such file, or KenLM would not read it.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(len(BINARY))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    for magic, name in UNREADABLE.items():
        if begin.startswith(magic):
            raise UserError(
                f"{path} is compressed by {name}, which KenLM cannot read here; compress it by "
                "gzip (.arpa.gz)"
            )
    units, order = _read_binary(path) if begin == BINARY else read_unigrams(path)
    if order > MOST_ORDER:
        raise UserError(
            f"{path} is of order {order}; the KenLM of flashlight-text takes {MOST_ORDER} at "
            f"most: make it with --order {MOST_ORDER}"
        )
    if not units.vocabulary:
        raise UserError(f"{path} has no words of its own; make it again, as by `ds2kit lm`")
    return units, order


def _read_binary(path: Path) -> tuple[NGrams, int]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        # The words stand at the end, each closed by a zero byte, the unknown one first.
        start = data.rfind(UNKNOWN.encode() + b"\0")
        words = data[start:].split(b"\0")[:-1] if start >= 0 else []
    units = tuple(word.decode("utf-8", "replace") for word in words)
    return NGrams(None, units, ()), MOST_ORDER


def _reason(error: Exception) -> str:
    """The line of KenLM's message that says what is wrong; before it stands where in KenLM."""
    if isinstance(error, UnicodeDecodeError):
        return "it is damaged"
    lines = str(error).splitlines()
    return lines[1] if len(lines) > 1 and " threw " in lines[0] else lines[0]


@contextmanager
def _without_stderr() -> Iterator[None]:
    """KenLM draws a bar while it reads an ARPA file, past Python, on the process's stderr."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    try:
        with open(os.devnull, "wb") as null:
            os.dup2(null.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
