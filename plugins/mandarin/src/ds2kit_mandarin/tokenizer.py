"""Characters as tokens: hanzi and the Roman letters of code-mixed Mandarin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Self

from ds2kit.components import Tokenizer
from ds2kit.errors import UserError
from ds2kit_mandarin.writing import Writing, fold_spaces

NAME = "mandarin"

EXCERPT_SYMBOLS = 40
"""How much of a text an error shows."""


class Mandarin(Tokenizer):
    """One token for each character of the normalised transcripts, in order of code point.

    A space stands between Roman words only: it is a token where the transcripts have two in a
    row, and 我 love 你 is 我love你.
    """

    def __init__(self, symbols: Sequence[str], writing: Writing) -> None:
        self.writing = writing
        self.tokens = ("", *symbols)
        self._ids = {symbol: i for i, symbol in enumerate(self.tokens) if i}

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        *,
        spoken: bool = True,
        simplified: bool = False,
        punctuation: bool = False,
        lowercase: bool = False,
    ) -> Self:
        """All characters of the texts, each text as the options want it written.

        spoken:      numbers, dates, times, money and fractions as they are read (by wetext)
        simplified:  traditional characters as simplified ones (by OpenCC)
        punctuation: keep punctuation; else it is taken out
        lowercase:   Roman letters in lower case only
        Raises UserError where the texts hold no symbol.
        """
        writing = Writing(spoken, simplified, punctuation, lowercase)
        symbols: set[str] = set()
        for text in texts:
            symbols.update(writing.normalised(text))
        if not symbols:
            raise UserError(
                f"{NAME}: found no symbol in the transcripts of the training split; "
                "prepare it with transcripts"
            )
        return cls(sorted(symbols), writing)

    def normalise(self, text: str) -> str:
        """NFKC, spaces between Roman words only, and what the options want."""
        return self.writing.normalised(text)

    def foreign(self, text: str) -> tuple[str, ...]:
        known = self._ids
        return tuple(dict.fromkeys(s for s in self.normalise(text) if s not in known))

    def encode(self, text: str) -> list[int]:
        if foreign := self.foreign(text):
            named = ", ".join(f"{symbol!r} (U+{ord(symbol):04X})" for symbol in foreign)
            raise UserError(
                f"{NAME}: {text[:EXCERPT_SYMBOLS]!r} holds {named}, not among the "
                f"{self.size - 1} symbols of the training transcripts; correct the transcript, or "
                "train with one that has them"
            )
        return [self._ids[symbol] for symbol in self.normalise(text)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; a space that CTC gives beside a hanzi is taken out."""
        return fold_spaces("".join(self.tokens[i] for i in ids))

    def to_json(self) -> Mapping[str, Any]:
        return {"tokenizer": NAME, **asdict(self.writing), "symbols": list(self.tokens[1:])}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that `to_json` described. Raises UserError where it did not."""
        found = state.get("tokenizer") if isinstance(state, Mapping) else type(state).__name__
        if found != NAME:
            raise _damaged(f"'tokenizer' is {found!r}; expected {NAME!r}")
        options: dict[str, bool] = {}
        for name in (field.name for field in fields(Writing)):
            value = state.get(name)
            if not isinstance(value, bool):
                raise _damaged(f"{name!r} is {value!r}; expected true or false")
            options[name] = value
        unknown = sorted(set(state) - {"tokenizer", "symbols", *options})
        if unknown:
            raise _damaged(f"unknown key {unknown[0]!r}")
        return cls(_symbols(state.get("symbols")), Writing(**options))


def _symbols(found: object) -> list[str]:
    if not isinstance(found, list) or not found:
        raise _damaged("'symbols' is no list of characters")
    for symbol in found:
        if not isinstance(symbol, str) or len(symbol) != 1:
            raise _damaged(f"'symbols' holds {symbol!r}; expected single characters")
    if len(set(found)) != len(found):
        raise _damaged("'symbols' holds one twice")
    return found


def _damaged(problem: str) -> UserError:
    return UserError(
        f"{NAME}: the saved tokenizer does not fit: {problem}; "
        "restore tokenizer.json from the experiment, or train again"
    )
