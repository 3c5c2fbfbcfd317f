"""Characters as tokens, learned from the transcripts: serves any script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from ds2kit.components import Tokenizer
from ds2kit.errors import UserError
from ds2kit.text.normalise import fold_spaces

EXCERPT_SYMBOLS = 40
"""How much of a text an error shows."""


class Char(Tokenizer):
    """One token for each code point of the normalised transcripts, in order of code point.

    The text is in Unicode's form NFC: a letter and its marks are one symbol where Unicode has one
    (most of the Latin, Greek and Cyrillic scripts, all of Hangul), else the mark is a symbol of
    its own that follows its letter. NFKC would merge more, and change what was prepared ("²"
    would be scored as "2"). Space is a symbol like others, and needs not occur.
    """

    def __init__(self, symbols: Iterable[str], *, lowercase: bool = False) -> None:
        self.lowercase = lowercase
        self.tokens = ("", *symbols)
        self._ids = {symbol: i for i, symbol in enumerate(self.tokens) if i}
        self._check()

    @classmethod
    def learn(cls, texts: Iterable[str], *, lowercase: bool = False) -> Self:
        """The inventory of the texts; `lowercase` writes, and gives back, lower case only."""
        symbols: set[str] = set()
        for text in texts:
            symbols.update(_normalised(text, lowercase))
        if not symbols:
            raise UserError(
                "char: found no symbol in the transcripts of the training split; "
                "prepare it with transcripts"
            )
        return cls(sorted(symbols), lowercase=lowercase)

    def normalise(self, text: str) -> str:
        """NFC, white space folded to single spaces, none at the ends, lower case if so learned."""
        return _normalised(text, self.lowercase)

    def foreign(self, text: str) -> tuple[str, ...]:
        return self._foreign(self.normalise(text))

    def encode(self, text: str) -> list[int]:
        normalised = self.normalise(text)
        if foreign := self._foreign(normalised):
            named = ", ".join(f"{symbol!r} (U+{ord(symbol):04X})" for symbol in foreign)
            raise UserError(
                f"char: {_excerpt(normalised)!r} holds {named}, not among the {self.size - 1} "
                "symbols of the training transcripts; correct the transcript, or train with one "
                "that has them"
            )
        return [self._ids[symbol] for symbol in normalised]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, with single spaces: CTC may give two with a blank between them."""
        return fold_spaces("".join(self.tokens[i] for i in ids))

    def to_json(self) -> Mapping[str, Any]:
        return {"tokenizer": "char", "lowercase": self.lowercase, "symbols": list(self.tokens[1:])}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that `to_json` described. Raises UserError where it did not."""
        if not isinstance(state, Mapping) or state.get("tokenizer") != "char":
            found = state.get("tokenizer") if isinstance(state, Mapping) else type(state).__name__
            raise _damaged(f"'tokenizer' is {found!r}; expected 'char'")
        unknown = sorted(set(state) - {"tokenizer", "lowercase", "symbols"})
        if unknown:
            raise _damaged(f"unknown key {unknown[0]!r}")
        symbols, lowercase = state.get("symbols"), state.get("lowercase")
        if not isinstance(symbols, list) or not all(isinstance(one, str) for one in symbols):
            raise _damaged("'symbols' is no list of strings")
        if not isinstance(lowercase, bool):
            raise _damaged(f"'lowercase' is {lowercase!r}; expected true or false")
        return cls(symbols, lowercase=lowercase)

    def _foreign(self, normalised: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(symbol for symbol in normalised if symbol not in self._ids))

    def _check(self) -> None:
        if not self._ids:
            raise _damaged("it has no symbols")
        if len(self._ids) != self.size - 1:
            raise _damaged("a symbol stands in it twice")
        for symbol in self._ids:
            # A symbol that normalising removes or rewrites could never be met in a text.
            if len(symbol) != 1 or (symbol != " " and self.normalise(symbol) != symbol):
                raise _damaged(f"{symbol!r} is no normalised symbol of one code point")


def _normalised(text: str, lowercase: bool) -> str:
    composed = unicodedata.normalize("NFC", text)
    if lowercase:
        composed = unicodedata.normalize("NFC", composed.lower())
    return fold_spaces(composed)


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT_SYMBOLS else text[:EXCERPT_SYMBOLS] + "..."


def _damaged(problem: str) -> UserError:
    return UserError(
        f"char: the saved tokenizer does not fit: {problem}; "
        "restore tokenizer.json from the experiment, or train again"
    )
