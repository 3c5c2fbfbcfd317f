"""A text as what a language model counts: words, characters, or a tokenizer's tokens."""

from __future__ import annotations

from ds2kit.components import Tokenizer, Unit
from ds2kit.errors import UserError

SPACE = "\u2581"
"""How a space inside a token is written (▁): the files of language models are cut at spaces."""


def units_of(text: str, unit: Unit, tokenizer: Tokenizer | None = None) -> list[str]:
    """The units of a text, in order.

    word:      runs without white space
    character: every code point but white space
    token:     the texts of the tokenizer's tokens, a space in them as U+2581

    Raises UserError where a token model has no tokenizer, or the tokenizer cannot write the text.
    """
    if unit == "word":
        return text.split()
    if unit == "character":
        return list("".join(text.split()))
    if tokenizer is None:
        raise UserError("a model of tokens wants the tokenizer that they are of; name it")
    return [written(tokenizer.tokens[token]) for token in tokenizer.encode(text)]


def written(token: str) -> str:
    """A token's text as a language model and a lexicon write it."""
    return token.replace(" ", SPACE)
