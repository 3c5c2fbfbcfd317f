"""N-gram models, read by the KenLM that is inside flashlight-text."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from flashlight.lib.text.decoder.kenlm import KenLM as Native
from flashlight.lib.text.dictionary import Dictionary

from ds2kit.components import END, START, UNKNOWN, LanguageModel
from ds2kit.errors import UserError
from ds2kit_flashlight.model_file import UNITS, read_model_file

LN_10 = math.log(10.0)
"""Natural logarithms for each of KenLM's, which are of base 10."""


class State:
    """What the model remembers of a text: its last units.

    native: KenLM's own state
    """

    __slots__ = ("context", "native")

    def __init__(self, context: tuple[str, ...], native: Any) -> None:
        self.context, self.native = context, native

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self.context == other.context

    def __hash__(self) -> int:
        return hash(self.context)


class KenLM(LanguageModel):
    """An n-gram model in ARPA's format (.arpa, .arpa.gz) or KenLM's own, of order 6 at most.

    unit: what it counts; auto: what the file says, or characters where each of its units is one
        code point, else words
    """

    def __init__(
        self, path: Path, *, unit: Literal["auto", "word", "character", "token"] = "auto"
    ) -> None:
        self.path = path
        found = read_model_file(path)
        self.unit = found.unit if unit == "auto" else UNITS[unit]
        self.vocabulary, self.order = found.vocabulary, found.order
        self._ids = {one: i for i, one in enumerate((*found.vocabulary, UNKNOWN))}

    def initial_state(self) -> State:
        return State((START,)[: self.order - 1], self._model.start(False))

    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[State]]:
        scores, following = [], []
        unknown = len(self.vocabulary)
        for state, unit in zip(states, units, strict=True):
            if unit == END:
                native, score = self._model.finish(state.native)
            else:
                native, score = self._model.score(state.native, self._ids.get(unit, unknown))
            context = (*state.context, unit)
            scores.append(LN_10 * score)
            following.append(State(context[max(0, len(context) - self.order + 1) :], native))
        return scores, following

    def knows(self, unit: str) -> bool:
        return unit in self._ids and unit != UNKNOWN

    def native(self, units: Sequence[str]) -> Native:
        """flashlight's own object of the model, whose scores are logarithms of base 10.

        Raises UserError where KenLM cannot read the file.
        """
        dictionary = Dictionary()
        for number, unit in enumerate(units):
            dictionary.add_entry(unit, number)
        try:
            with _quiet():
                return Native(str(self.path), dictionary)
        # The second: where the message would quote the file, which is no text.
        except (RuntimeError, UnicodeDecodeError) as error:
            raise UserError(
                f"{self.path} cannot be read by KenLM: {_reason(error)}; it may be cut off or "
                "damaged: make it again, as by `ds2kit lm`"
            ) from error

    @cached_property
    def _model(self) -> Native:
        return self.native(tuple(self._ids))


def _reason(error: Exception) -> str:
    """The line of KenLM's message that says what is wrong; before it stands where in KenLM."""
    if isinstance(error, UnicodeDecodeError):
        return "it is damaged"
    lines = str(error).splitlines()
    return lines[1] if len(lines) > 1 and " threw " in lines[0] else lines[0]


@contextmanager
def _quiet() -> Iterator[None]:
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
