"""Language models small enough to be worked by hand, and the sum over all alignments, literally."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from ds2kit.components import BLANK, END, START, UNKNOWN, LanguageModel, Tokenizer, Unit


class ToyArpa(LanguageModel):
    """The bigrams of an ARPA file, read literally; a state is the last unit."""

    def __init__(self, path: Path, *, unit: Unit = "word") -> None:
        self.unit = unit
        self.asked: list[tuple[Hashable, str]] = []
        self.log10: dict[tuple[str, ...], float] = {}
        self.back_off: dict[tuple[str, ...], float] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            number, _, rest = line.partition("\t")
            if rest:
                units, _, back_off = rest.partition("\t")
                self.log10[tuple(units.split())] = float(number)
                self.back_off[tuple(units.split())] = float(back_off or 0)

    def initial_state(self) -> Hashable:
        return START

    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[Hashable]]:
        self.asked += zip(states, units, strict=True)
        known = [unit if self.knows(unit) else UNKNOWN for unit in units]
        pairs = zip(states, known, strict=True)
        return [math.log(10) * self.log10_of(*pair) for pair in pairs], known

    def log10_of(self, before: str, unit: str) -> float:
        if (before, unit) in self.log10:
            return self.log10[before, unit]
        return self.back_off[before,] + self.log10[unit,]

    def knows(self, unit: str) -> bool:
        return unit != UNKNOWN and (unit,) in self.log10


class Drawn(LanguageModel):
    """P(unit | the one before) of a fixed vocabulary, drawn from a seed."""

    def __init__(self, vocabulary: Iterable[str], *, unit: Unit, seed: int = 0) -> None:
        self.unit = unit
        self._units = [*vocabulary, UNKNOWN, END]
        draw = np.random.default_rng(seed)
        rows = draw.dirichlet(np.ones(len(self._units)), size=len(self._units))
        self.ln = {
            (before, after): math.log(p + 1e-12)
            for before, row in zip([*self._units[:-1], START], rows, strict=True)
            for after, p in zip(self._units, row, strict=True)
        }

    def initial_state(self) -> Hashable:
        return START

    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[Hashable]]:
        known = [unit if unit in self._units else UNKNOWN for unit in units]
        return [self.ln[pair] for pair in zip(states, known, strict=True)], known

    def knows(self, unit: str) -> bool:
        return unit in self._units and unit != UNKNOWN

    def of(self, units: Sequence[str]) -> float:
        """ln P of a text of these units, its end counted."""
        known = [unit if unit in self._units else UNKNOWN for unit in units]
        return math.fsum(self.ln[pair] for pair in itertools.pairwise([START, *known, END]))


class Pieces(Tokenizer):
    """Tokens of several letters, spaces in front of some; the longest that fits is taken."""

    def __init__(self, *pieces: str) -> None:
        self.tokens = ("", *pieces)

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Self:
        return cls(*sorted(set("".join(texts))))

    def normalise(self, text: str) -> str:
        return " ".join(text.split())

    def foreign(self, text: str) -> tuple[str, ...]:
        letters = set("".join(self.tokens))
        return tuple(dict.fromkeys(c for c in self.normalise(text) if c not in letters))

    def encode(self, text: str) -> list[int]:
        rest = self.normalise(text)
        if rest and any(token.startswith(" ") and len(token) > 1 for token in self.tokens):
            rest = f" {rest}"
        ids = []
        while rest:
            fitting = [i for i, token in enumerate(self.tokens) if token and rest.startswith(token)]
            ids.append(max(fitting, key=lambda i: len(self.tokens[i])))
            rest = rest[len(self.tokens[ids[-1]]) :]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        return self.normalise("".join(self.tokens[i] for i in ids))

    def to_json(self) -> Mapping[str, Any]:
        return {}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        return cls()


def labellings(log_probs: np.ndarray) -> dict[tuple[int, ...], float]:
    """ln p_ctc of every sequence of tokens that some alignment of the frames has."""
    found: dict[tuple[int, ...], list[float]] = {}
    frames, vocabulary = log_probs.shape
    for path in itertools.product(range(vocabulary), repeat=frames):
        value = sum(log_probs[t, token] for t, token in enumerate(path))
        if value > -math.inf:
            tokens = tuple(token for token, _ in itertools.groupby(path) if token != BLANK)
            found.setdefault(tokens, []).append(float(value))
    return {tokens: float(np.logaddexp.reduce(values)) for tokens, values in found.items()}


@pytest.fixture(scope="session")
def toy_arpa() -> type[ToyArpa]:
    return ToyArpa


@pytest.fixture(scope="session")
def drawn() -> type[Drawn]:
    return Drawn


@pytest.fixture(scope="session")
def pieces() -> type[Pieces]:
    return Pieces


@pytest.fixture(scope="session")
def all_labellings() -> Any:
    return labellings
