"""Whether a language model is of the writing that a decoder is to hear."""

from __future__ import annotations

from collections.abc import Sequence

from ds2kit.components import LanguageModel
from ds2kit.errors import UserError
from ds2kit_flashlight.lexicon import Lexicon

LEAST_COVERAGE = 0.05
"""A model that shares less with what may be heard is of another unit, or another case."""


def check_lexicon(lexicon: Lexicon, vocabulary: Sequence[str]) -> None:
    """Raise UserError where almost no word of a vocabulary can be written by the tokenizer."""
    if len(lexicon.words) < LEAST_COVERAGE * len(vocabulary):
        known = set(lexicon.words)
        lost = next(word for word in vocabulary if word not in known)
        raise UserError(
            f"language_model: the tokenizer can write {len(lexicon.words)} of its "
            f"{len(vocabulary)} words (not {lost!r}, for one): it counts something else than "
            "words, or is written in another case or script; give its `unit`, or build one from "
            "text as the tokenizer writes it"
        )


def check_knows(language_model: LanguageModel, units: Sequence[str], where: str) -> None:
    """Raise UserError where a language model knows almost no unit of those that may be heard."""
    known = sum(map(language_model.knows, units))
    if known < LEAST_COVERAGE * len(units):
        lost = next(unit for unit in units if not language_model.knows(unit))
        raise UserError(
            f"language_model knows {known} of {where} {len(units)} {language_model.unit}s (not "
            f"{lost!r}, for one): it counts something else, or is written in another case; build "
            f"one from text as the tokenizer writes it, with {language_model.unit} as its unit"
        )
