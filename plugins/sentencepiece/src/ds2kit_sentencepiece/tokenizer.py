"""Pieces of words as tokens, of a model that SentencePiece learned from the transcripts.

Kudo 2018 (arXiv 1804.10959) for `unigram`, Sennrich et al. 2016 (arXiv 1508.07909) for `bpe`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import typing
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from sentencepiece import SentencePieceProcessor

from ds2kit.components import BLANK, Tokenizer
from ds2kit.errors import UserError
from ds2kit_sentencepiece.training import NAME, SPACE, ModelType, train

KEYS = {"tokenizer", "model", "lowercase", "proto", "sha256"}


class SentencePiece(Tokenizer):
    """The pieces of a SentencePiece model; a piece that begins a word begins with its space.

    The text is in Unicode's form NFC, white space folded to single spaces, and nothing else is
    changed. Every symbol of the training transcripts is a piece, so each text of known symbols
    comes back as it was. Where the model has its unknown piece, the blank stands.
    """

    def __init__(self, proto: bytes, model: ModelType, lowercase: bool) -> None:
        self.proto, self.model, self.lowercase = proto, model, lowercase
        self._processor = SentencePieceProcessor(model_proto=proto)
        if self._processor.unk_id() != BLANK:
            raise RuntimeError(f"the unknown piece has id {self._processor.unk_id()}, not {BLANK}")
        pieces = self._processor.id_to_piece(list(range(1, len(self._processor))))
        self.tokens = ("", *(piece.replace(SPACE, " ") for piece in pieces))
        self._symbols = {token for token in self.tokens if len(token) == 1}

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        *,
        vocabulary: int = 500,
        model: ModelType = "unigram",
        lowercase: bool = False,
    ) -> Self:
        """A model of `vocabulary` tokens, the blank included: the same for the same texts.

        Raises UserError where the texts hold no symbol, or do not give so many tokens.
        """
        model = _known_model(model)
        if vocabulary < 2:
            raise UserError(
                f"{NAME}: vocabulary is {vocabulary}; it takes 2 or more, the blank included"
            )
        normalised = (_normalised(text, lowercase) for text in texts)
        sentences = [sentence for sentence in normalised if sentence]
        return cls(train(sentences, vocabulary, model), model, lowercase)

    def normalise(self, text: str) -> str:
        """NFC, white space folded to single spaces, lower case if so learned."""
        return _normalised(text, self.lowercase)

    def foreign(self, text: str) -> tuple[str, ...]:
        return self._foreign(self.normalise(text))

    def encode(self, text: str) -> list[int]:
        normalised = self.normalise(text)
        if foreign := self._foreign(normalised):
            named = ", ".join(f"{symbol!r} (U+{ord(symbol):04X})" for symbol in foreign)
            raise UserError(
                f"{NAME}: {normalised[:40]!r} holds {named}, not among the {len(self._symbols)} "
                "symbols of the training transcripts; correct the transcript, or train with one "
                "that has them"
            )
        ids: list[int] = self._processor.encode(normalised)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, with single spaces: a piece that begins a word may follow a space."""
        return " ".join("".join(self.tokens[i] for i in ids).split())

    def to_json(self) -> Mapping[str, Any]:
        return {
            "tokenizer": NAME,
            "model": self.model,
            "lowercase": self.lowercase,
            "proto": base64.b64encode(self.proto).decode("ascii"),
            "sha256": hashlib.sha256(self.proto).hexdigest(),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that `to_json` described. Raises UserError where it did not."""
        found = state.get("tokenizer") if isinstance(state, Mapping) else type(state).__name__
        if found != NAME:
            raise _damaged(f"'tokenizer' is {found!r}; expected {NAME!r}")
        if unknown := sorted(set(state) - KEYS):
            raise _damaged(f"unknown key {unknown[0]!r}")
        model, lowercase = _known_model(state.get("model")), state.get("lowercase")
        if not isinstance(lowercase, bool):
            raise _damaged(f"'lowercase' is {lowercase!r}; expected true or false")
        proto = _proto(state)
        try:
            return cls(proto, model, lowercase)
        except RuntimeError as error:
            raise _damaged(f"'proto' is no model of SentencePiece's ({error})") from None

    def _foreign(self, normalised: str) -> tuple[str, ...]:
        known = self._symbols
        return tuple(dict.fromkeys(symbol for symbol in normalised if symbol not in known))


def _normalised(text: str, lowercase: bool) -> str:
    composed = unicodedata.normalize("NFC", text)
    if lowercase:
        composed = unicodedata.normalize("NFC", composed.lower())
    return " ".join(composed.split())


def _proto(state: Mapping[str, Any]) -> bytes:
    """The serialised model of a saved form, whole."""
    try:
        proto = base64.b64decode(state.get("proto", ""), validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise _damaged(f"'proto' is no base64 ({error})") from None
    if hashlib.sha256(proto).hexdigest() != state.get("sha256"):
        raise _damaged("'proto' has another checksum than 'sha256' says")
    return proto


def _known_model(model: object) -> ModelType:
    known: tuple[ModelType, ...] = typing.get_args(ModelType)
    for one in known:
        if model == one:
            return one
    raise UserError(f"{NAME}: model is {model!r}; expected one of {', '.join(known)}")


def _damaged(problem: str) -> UserError:
    return UserError(
        f"{NAME}: the saved tokenizer does not fit: {problem}; "
        "restore tokenizer.json from the experiment, or train again"
    )
