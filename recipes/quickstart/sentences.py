"""Random sentences from a grammar: a text of rules."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ds2kit.errors import UserError


@dataclass(frozen=True)
class Spoken:
    """A word as it is written, and as it is said (the same, where the grammar has one only)."""

    written: str
    said: str


class Grammar:
    """Sentences by the rules of a text, the same for the same seed.

    A line `NAME = words | words` is a rule; an indented line goes on with the one before it. A
    rule deals its alternatives like a shuffled deck, so that all of them are heard equally often.
    """

    def __init__(self, text: str, seed: int) -> None:
        self.rules = _rules(text)
        self._random = random.Random(seed)
        self._decks: dict[str, list[list[str]]] = {}

    @property
    def words(self) -> set[Spoken]:
        """Everything that can be said."""
        symbols = (s for rule in self.rules.values() for words in rule for s in words)
        return {_spoken(symbol) for symbol in symbols if symbol not in self.rules}

    def sentence(self) -> tuple[Spoken, ...]:
        """The next sentence."""
        return tuple(self._expand("SENTENCE"))

    def _expand(self, symbol: str) -> list[Spoken]:
        if symbol not in self.rules:
            return [_spoken(symbol)]
        if not self._decks.get(symbol):
            self._decks[symbol] = list(self.rules[symbol])
            self._random.shuffle(self._decks[symbol])
        chosen = self._decks[symbol].pop()
        return [word for part in chosen for word in self._expand(part)]


def _rules(text: str) -> dict[str, list[list[str]]]:
    rules = {}
    for line in text.replace("\n ", " ").split("\n"):
        if not line:
            continue
        name, _, alternatives = line.partition(" = ")
        rules[name] = [words.split() for words in alternatives.split("|")]
    for name in {s for rule in rules.values() for words in rule for s in words if s.isupper()}:
        if name not in rules:
            raise UserError(f"{name} has no rule in the grammar; write a line '{name} = ...'")
    return rules


def _spoken(symbol: str) -> Spoken:
    written, _, said = symbol.partition("/")
    return Spoken(written, said or written)
