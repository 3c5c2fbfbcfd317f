"""Whether a language model is of the writing that a decoder is to hear."""

from __future__ import annotations

from collections.abc import Sequence

from ds2kit.components import BLANK, LanguageModel, Tokenizer
from ds2kit.decoding.words import between_words
from ds2kit.errors import UserError
from ds2kit.lm.units import written

LEAST_COVERAGE = 0.05
"""A model that knows a smaller share of what may be heard is of another unit, or another case."""


def check_language_model(
    language_model: LanguageModel, tokenizer: Tokenizer, words: Sequence[str] | None
) -> None:
    """Raise UserError where a language model cannot fit what is heard.

    words: of the lexicon; None: there is none
    A model of words must know some words of the lexicon, and needs one where no token has a
    space; one of characters, or tokens, must know some of the tokenizer's.
    """
    unit = language_model.unit
    texts = [token for i, token in enumerate(tokenizer.tokens) if i != BLANK]
    if unit == "character":
        units = sorted(set("".join(texts)) - {" "})
        where = "the tokenizer's"
    elif unit == "token":
        units, where = [written(token) for token in texts], "the tokenizer's"
    elif words is None and not between_words(tokenizer):
        raise UserError(
            "language_model counts words, and no token has a space to part them; give a lexicon, "
            "which says what is a word, or a language model of characters"
        )
    else:
        units, where = list(words or ()), "the lexicon's"
    known = sum(map(language_model.knows, units))
    if known < LEAST_COVERAGE * len(units):
        unknown = next(one for one in units if not language_model.knows(one))
        raise UserError(
            f"language_model knows {known} of {where} {len(units)} {unit}s (not {unknown!r}, for "
            "one): it counts something else, or is written in another case; build one from text "
            f"as the tokenizer writes it, with {unit} as its unit"
        )
