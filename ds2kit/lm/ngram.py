"""The reference language model: a back-off n-gram model from an ARPA file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ds2kit.components import END, START, UNKNOWN, LanguageModel, Unit
from ds2kit.errors import UserError
from ds2kit.lm.arpa import read_arpa
from ds2kit.lm.ngrams import NGrams, find, keys_of


class NGram(LanguageModel):
    """An n-gram model of any maker's ARPA file (plain, gzip or xz).

    unit: what it counts; `auto` takes what the file says (those of `ds2kit lm` do), else guesses:
          characters where each unit is a single one, words where not

    A state is the longest context that the model distinguishes, as a number: two histories after
    which everything has the same probability have the same state.

    Raises UserError where the file is damaged, or of another unit.
    """

    def __init__(
        self, path: Path, *, unit: Literal["auto", "word", "character", "token"] = "auto"
    ) -> None:
        model = read_arpa(path)
        self.path = path
        self.order = model.order
        self.units = model.units
        self.vocabulary = model.vocabulary
        self.unit: Unit = counted_unit(path, model, unit)
        self._numbers = {text: number for number, text in enumerate(model.units)}
        if END not in self._numbers:
            raise UserError(f"{path} has no {END}, the end of a sentence; make it with one")
        self._unknown = self._numbers[UNKNOWN]
        self._build(model)

    def _build(self, model: NGrams) -> None:
        """Number the n-grams of all lengths as one tree, whose root is the empty one, 0.

        Node i + 1 is the n-gram of `keys[i]`: its context's node, then its last unit.
        """
        size = len(model.units)
        begins = np.cumsum([1, *map(len, model.levels)])
        bases = [0, *begins[:-1].tolist()]
        levels = list(zip(model.levels, bases, strict=False))
        self._keys = np.concatenate(
            [keys_of(level.contexts + np.int64(base), level.last, size) for level, base in levels]
        )
        none = np.zeros(1, np.float32)
        self._log_probs = np.concatenate([none, *(level.log_probs for level in model.levels)])
        self._log_backoffs = np.concatenate([none, *(level.log_backoffs for level in model.levels)])
        parents = self._keys // size
        self._shorter = np.zeros(begins[-1], np.int32)
        distinguished = self._log_backoffs != 0
        distinguished[parents] = True
        self._states = np.zeros(begins[-1], np.int32)
        for length, (begin, end) in enumerate(pairwise(begins.tolist()), 1):
            nodes = np.arange(begin, end, dtype=np.int32)
            if length > 1:
                contexts = self._shorter[parents[nodes - 1]]
                _, self._shorter[nodes] = self._walk(contexts, self._keys[nodes - 1] % size)
            own = distinguished[nodes] & (length < model.order)
            self._states[nodes] = np.where(own, nodes, self._states[self._shorter[nodes]])

    def _walk(
        self, contexts: NDArray[np.int32], units: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """ln P of each unit after its context, and the longest n-gram that ends with it.

        From the longest context down: each that lacks the unit costs its back-off weight.
        """
        log_probs = np.zeros(len(units))
        nodes = np.zeros(len(units), np.int32)
        waiting, context = np.arange(len(units)), contexts
        while len(waiting):
            wanted = keys_of(context, units[waiting], len(self.units))
            places, found = find(self._keys, wanted)
            here, node = waiting[found], places[found] + 1
            nodes[here] = node
            log_probs[here] += self._log_probs[node]
            waiting, context = waiting[~found], context[~found]
            log_probs[waiting] += self._log_backoffs[context]
            context = self._shorter[context]
        return log_probs, nodes

    def __len__(self) -> int:
        """N-grams of all lengths."""
        return len(self._keys)

    def initial_state(self) -> int:
        start = self._numbers.get(START)
        return 0 if start is None else int(self._states[start + 1])

    def score(
        self, states: Sequence[int], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[int]]:
        get, unknown = self._numbers.get, self._unknown
        numbers = np.array([get(unit, unknown) for unit in units], np.int64)
        log_probs, nodes = self._walk(np.array(states, np.int32), numbers)
        return log_probs.tolist(), self._states[nodes].tolist()

    def knows(self, unit: str) -> bool:
        return unit in self._numbers and unit not in (UNKNOWN, START)


def counted_unit(path: Path, model: NGrams, asked: Literal["auto"] | Unit) -> Unit:
    """What a file's model counts, by the file and by what was asked for.

    Raises UserError where these differ.
    """
    longer = next((unit for unit in model.vocabulary if len(unit) > 1), None)
    if asked == "auto":
        return model.unit or ("word" if longer else "character")
    if model.unit not in (None, asked):
        raise UserError(f"{path} is a model of {model.unit}s; expected one of {asked}s")
    if asked == "character" and longer:
        raise UserError(f"{path} is no model of characters: it has the unit {longer!r}")
    return asked
