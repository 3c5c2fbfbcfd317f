"""How a Mandarin text is written, so that a model has one way to write what was said."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from ds2kit_mandarin.spoken import spelled_signs, spoken

EAST_ASIAN = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
"""Hanzi, and what is written among them: no space stands beside these."""

APOSTROPHES = "\u2018\u2019\u02bc`"
"""What is written for an apostrophe: quotation marks, the modifier letter, the grave accent."""

ROUNDS = 4
"""How often a text is rewritten until nothing changes: seldom more than twice."""

_BESIDE_HANZI = re.compile(f" (?=[{EAST_ASIAN}])|(?<=[{EAST_ASIAN}]) ")
_HANZI = re.compile(f"[{EAST_ASIAN}]")
_SIGN = re.compile(r"[^\w\s]|_")
_TO_APOSTROPHE = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))


@dataclass(frozen=True)
class Writing:
    """The options of a tokenizer; `normalised` is a text so written.

    spoken:      numbers, dates, times, money and fractions as they are read
    simplified:  traditional characters as simplified ones
    punctuation: keep it; else it is a space
    lowercase:   Roman letters in lower case
    """

    spoken: bool = True
    simplified: bool = False
    punctuation: bool = False
    lowercase: bool = False

    def normalised(self, text: str) -> str:
        """The text as it is written; a text that is so written already comes back as it is."""
        return _normalised(text, self)

    def composed(self, text: str) -> str:
        """NFKC, spaces folded, lower case if so wished: what needs no library."""
        if self.spoken:
            text = spelled_signs(text)
        text = unicodedata.normalize("NFKC", text)
        if self.lowercase:
            text = unicodedata.normalize("NFKC", text.lower())
        # Where a space is taken out, a mark may have come to stand beside its letter.
        return unicodedata.normalize("NFKC", fold_spaces(text))

    def rewritten(self, text: str) -> str:
        """A composed text with all of the options applied once."""
        if self.simplified:
            text = _to_simplified()(text)
        if self.spoken:
            text = spoken(text)
        if not self.punctuation:
            text = _without_punctuation(text)
        return self.composed(text)


def fold_spaces(text: str) -> str:
    """Single spaces, none at the ends and none beside hanzi."""
    return _BESIDE_HANZI.sub("", " ".join(text.split()))


# Twice in a row for the same text: what is foreign in it, and its ids.
@functools.lru_cache(maxsize=256)
def _normalised(text: str, writing: Writing) -> str:
    # Once rewritten a text hardly ever changes again, but no library promises it. One that would
    # not come to rest is left as it was, and its digits are foreign symbols.
    composed = before = writing.composed(text)
    for _ in range(ROUNDS):
        after = writing.rewritten(before)
        if after == before:
            return after
        before = after
    return composed


def _without_punctuation(text: str) -> str:
    """Punctuation as spaces, but for apostrophes inside a word. Currency and mathematical signs
    stay, except the tilde, which ends Mandarin sentences.
    """
    return _SIGN.sub(_sign_or_space, text.translate(_TO_APOSTROPHE))


def _sign_or_space(found: re.Match[str]) -> str:
    sign, text = found[0], found.string
    if sign == "'":
        inside = _is_roman(text[max(0, found.start() - 1) : found.start()]) and _is_roman(
            text[found.end() : found.end() + 1]
        )
        return sign if inside else " "
    is_mark = sign == "~" or unicodedata.category(sign).startswith("P")
    return " " if is_mark else sign


def _is_roman(symbol: str) -> bool:
    """A letter, or the mark of one, that is no hanzi; nothing is none."""
    return bool(symbol) and unicodedata.category(symbol)[0] in "LM" and not _HANZI.match(symbol)


@functools.cache
def _to_simplified() -> Callable[[str], str]:
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC("t2s").convert
    return convert
