"""Non-overlapping bigrams inside a word (Amodei et al. 2015, arXiv 1512.02595, section 3.3)."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from ds2kit.components import Tokenizer
from ds2kit.errors import UserError


class Bigram(Tokenizer):
    """Pairs of symbols from the beginning of each word; an odd last one, and the space, alone.

    `the cats sat` is `th e _ ca ts _ sa t`. A pair that was not learned is written as its two
    symbols; the pairs after it stay where they are. The text is in Unicode's form NFC, white
    space folded to single spaces.
    """

    def __init__(
        self, symbols: Sequence[str], pairs: Sequence[str], *, lowercase: bool = False
    ) -> None:
        self.symbols, self.pairs, self.lowercase = tuple(symbols), tuple(pairs), lowercase
        self.tokens = ("", *self.symbols, *self.pairs)
        self._ids = {token: i for i, token in enumerate(self.tokens) if token}

    @classmethod
    def learn(cls, texts: Iterable[str], *, pairs: int = 500, lowercase: bool = False) -> Self:
        """All symbols of the texts, and at most `pairs` of their most frequent pairs.

        Equally frequent pairs are taken in the order of their code points. Raises UserError where
        the texts hold no symbol.
        """
        if pairs < 0:
            raise UserError(f"bigram: pairs is {pairs}; it takes 0 or more")
        symbols: set[str] = set()
        counts: Counter[str] = Counter()
        for text in texts:
            normalised = _normalised(text, lowercase)
            symbols.update(normalised)
            counts.update(piece for piece in _pieces(normalised) if len(piece) == 2)
        if not symbols:
            raise UserError(
                "bigram: found no symbol in the transcripts of the training split; "
                "prepare it with transcripts"
            )
        ranked = sorted(counts, key=lambda pair: (-counts[pair], pair))
        return cls(sorted(symbols), ranked[:pairs], lowercase=lowercase)

    def normalise(self, text: str) -> str:
        """NFC, white space folded to single spaces, lower case if so learned."""
        return _normalised(text, self.lowercase)

    def foreign(self, text: str) -> tuple[str, ...]:
        known = self._ids
        return tuple(dict.fromkeys(s for s in self.normalise(text) if s not in known))

    def encode(self, text: str) -> list[int]:
        if foreign := self.foreign(text):
            named = ", ".join(f"{symbol!r} (U+{ord(symbol):04X})" for symbol in foreign)
            raise UserError(
                f"bigram: {text[:40]!r} holds {named}, not among the {len(self.symbols)} symbols "
                "of the training transcripts; correct the transcript, or train with one that has "
                "them"
            )
        ids = []
        for piece in _pieces(self.normalise(text)):
            ids += [self._ids[token] for token in ([piece] if piece in self._ids else piece)]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, with single spaces: CTC may give two with a blank between them."""
        return " ".join("".join(self.tokens[i] for i in ids).split())

    def to_json(self) -> Mapping[str, Any]:
        return {
            "tokenizer": "bigram",
            "lowercase": self.lowercase,
            "symbols": list(self.symbols),
            "pairs": list(self.pairs),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that `to_json` described. Raises UserError where it did not."""
        if state.get("tokenizer") != "bigram":
            raise _damaged(f"'tokenizer' is {state.get('tokenizer')!r}; expected 'bigram'")
        lowercase = state.get("lowercase")
        if not isinstance(lowercase, bool):
            raise _damaged(f"'lowercase' is {lowercase!r}; expected true or false")
        symbols, pairs = _strings(state, "symbols", 1), _strings(state, "pairs", 2)
        if lost := [pair for pair in pairs if not set(pair) <= set(symbols)]:
            raise _damaged(f"the pair {lost[0]!r} is of symbols that it does not have")
        return cls(symbols, pairs, lowercase=lowercase)


def _pieces(normalised: str) -> Iterator[str]:
    """Two symbols, or one: the words cut into pairs, and the spaces between them."""
    for number, word in enumerate(normalised.split(" ")):
        if number:
            yield " "
        for start in range(0, len(word), 2):
            yield word[start : start + 2]


def _normalised(text: str, lowercase: bool) -> str:
    composed = unicodedata.normalize("NFC", text)
    if lowercase:
        composed = unicodedata.normalize("NFC", composed.lower())
    return " ".join(composed.split())


def _strings(state: Mapping[str, Any], key: str, length: int) -> list[str]:
    """The different strings of one length that a saved form holds under a key."""
    found = state.get(key)
    if not isinstance(found, list):
        raise _damaged(f"'{key}' is {type(found).__name__}; expected a list")
    for item in found:
        if not isinstance(item, str) or len(item) != length:
            raise _damaged(f"'{key}' holds {item!r}; expected strings of {length}")
    if len(set(found)) != len(found):
        raise _damaged(f"'{key}' holds one twice")
    return found


def _damaged(problem: str) -> UserError:
    return UserError(
        f"bigram: the saved tokenizer does not fit: {problem}; "
        "restore tokenizer.json from the experiment, or train again"
    )
