"""Named normalisers: what is done to references and hypotheses alike before they are scored."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ds2kit.errors import UserError, close_name

Normaliser = Callable[[str], str]
"""A text to a text, idempotent; the same one goes over references and hypotheses."""

APOSTROPHES = "\u2018\u2019\u02bc`"
"""What is written for an apostrophe: quotation marks, the modifier letter, the grave accent."""

_TO_APOSTROPHE = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))


def fold_spaces(text: str) -> str:
    """White space of any kind and length as one space, none at the ends."""
    return " ".join(text.split())


def prepared(text: str) -> str:
    """The text as it was prepared: only white space is folded, and the form is NFC.

    NFC changes no text, it picks one of the equivalent spellings of a letter with its marks;
    without it, a reference whose accents are separate code points would count as misheard.
    """
    return fold_spaces(unicodedata.normalize("NFC", text))


def plain(text: str) -> str:
    """NFKC, lower case, no punctuation but apostrophes inside a word, white space folded.

    Punctuation becomes a space: "well-known" is two words. Currency and mathematical signs stay.
    """
    lowered = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    return fold_spaces(_without_punctuation(lowered.translate(_TO_APOSTROPHE)))


NORMALISERS: Mapping[str, Normaliser] = MappingProxyType({"prepared": prepared, "plain": plain})


def normaliser(name: str) -> Normaliser:
    """The normaliser of that name. Raises UserError that lists the names."""
    try:
        return NORMALISERS[name]
    except KeyError:
        known = ", ".join(NORMALISERS)
        hint = close_name(name, NORMALISERS)
        raise UserError(f"no normaliser is called '{name}'{hint} (there are: {known})") from None


def _without_punctuation(text: str) -> str:
    neighbours = zip(" " + text, text, text[1:] + " ", strict=False)
    return "".join(
        symbol if _is_kept(before, symbol, after) else " " for before, symbol, after in neighbours
    )


def _is_kept(before: str, symbol: str, after: str) -> bool:
    if symbol == "'":
        return _is_of_word(before) and _is_of_word(after)
    return not unicodedata.category(symbol).startswith("P")


def _is_of_word(symbol: str) -> bool:
    """Letters, marks and numbers."""
    return unicodedata.category(symbol)[0] in "LMN"
