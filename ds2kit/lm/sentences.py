"""Texts as sentences of units: what a model is learned from, and what it is measured on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ds2kit.components import Tokenizer, Unit
from ds2kit.lm.texts import read_lines
from ds2kit.lm.units import units_of
from ds2kit.lm.without import Forbidden
from ds2kit.text.normalise import Normaliser

NAMED_SYMBOLS = 20
"""How many different symbols that a tokenizer cannot write are kept to be named."""


class Sentences:
    """The sentences of text files, one a line; iterating counts what was left out.

    shared:  lines that share a run of units with a forbidden text
    foreign: lines that the tokenizer cannot write
    symbols: the first of the symbols that it has not
    """

    def __init__(
        self,
        paths: Sequence[Path],
        unit: Unit,
        normalise: Normaliser,
        *,
        tokenizer: Tokenizer | None = None,
        forbidden: Forbidden | None = None,
    ) -> None:
        self._paths, self._unit, self._normalise = paths, unit, normalise
        self._tokenizer, self._forbidden = tokenizer, forbidden
        self.shared, self.foreign = 0, 0
        self.symbols: dict[str, None] = {}

    def __iter__(self) -> Iterator[list[str]]:
        self.shared, self.foreign = 0, 0
        for line in read_lines(self._paths, self._normalise):
            if self._forbidden is not None and self._forbidden.shares(line):
                self.shared += 1
            elif self._is_foreign(line):
                self.foreign += 1
            else:
                yield units_of(line, self._unit, self._tokenizer)

    def _is_foreign(self, line: str) -> bool:
        if self._unit != "token" or self._tokenizer is None:
            return False
        symbols = self._tokenizer.foreign(line)
        if len(self.symbols) < NAMED_SYMBOLS:
            self.symbols |= dict.fromkeys(symbols)
        return bool(symbols)
