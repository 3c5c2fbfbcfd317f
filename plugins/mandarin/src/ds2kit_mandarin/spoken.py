"""Numbers, dates, times, money and fractions as they are read, by wetext's grammars.

wetext is imported when the first text with a digit comes: a second, which transcribing never
needs.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable

CURRENCIES = {"$": "美元", "¥": "元", "€": "欧元", "£": "英镑", "₩": "韩元"}
"""What is read for a sign that stands before its amount."""

Replacement = str | Callable[[re.Match[str]], str]


def _amount(found: re.Match[str]) -> str:
    return found[2] + CURRENCIES[found[1]]


MENDED: tuple[tuple[re.Pattern[str], Replacement], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # Signs that mean what one of ASCII means: ½ is 1⁄2 in NFKC, and dashes are of all lengths.
        ("\u2044", "/"),
        ("[\u2010-\u2014\u2212](?=\\d)", "-"),
        # 1,000,000 is read by threes; 2010,200人 is two clauses and read as one number.
        (r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])", lambda found: found[0].replace(",", "")),
        (r"(?<=\d),(?=\d)", ", "),
        # In $1.5万, and always in ₩100, the sign is left as it is.
        (r"([$¥€£]) ?(\d[\d.]*[十百千万亿]+)", _amount),
        (r"(₩) ?(\d[\d.]*[十百千万亿]*)", _amount),
        # -1/3 is read 三分之负一, 10%-20% 百分之十百分之负二十, GPT-4 GPT负四.
        (r"(?<![\w%.])-(?=\d|百分之\d)", "负"),
        (r"(?<=\d%)-(?=[\d.]+%)", "到"),
        (r"(?<=[A-Za-z])-(?=\d)", " "),
        # 08月08号 is read 零八月零八号, 2分之1 两分之一.
        (r"(?<!\d)0(?=[1-9](?:月|日|号))", ""),
        (r"(?<!\d)2(?=分之)", "二"),
    )
)
"""What is rewritten before wetext sees it: where its grammars have no reading, or a wrong one."""

_POWER = re.compile("(?<=[0-9])[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+")
_MIXED = re.compile("(?<=[0-9])(?=[\u00bc-\u00be\u2150-\u215e])")

# wetext gives quotation marks and backslashes back with another backslash before them, and
# loses a null.
_CLAUSE = re.compile('[^。!?;"\\\\\\0\ud800-\udfff]+')


def spelled_signs(text: str) -> str:
    """Powers and mixed fractions in words: NFKC would make 102 of 10², and 11/2 of 1½."""
    text = _POWER.sub(lambda found: f"的{unicodedata.normalize('NFKC', found[0])}次方", text)
    return _MIXED.sub("又", text)


def spoken(text: str) -> str:
    """What is written in digits as it is read, of a text in NFKC."""
    return _CLAUSE.sub(_spoken_clause, text)


def _spoken_clause(found: re.Match[str]) -> str:
    clause = found[0]
    if not re.search("[0-9]", clause):
        return clause
    bare = read = clause.strip()
    for pattern, replacement in MENDED:
        read = pattern.sub(replacement, read)
    return clause.replace(bare, _grammar()(read), 1)


@functools.cache
def _grammar() -> Callable[[str], str]:
    from wetext import Normalizer

    normalise: Callable[[str], str] = Normalizer(lang="zh", operator="tn").normalize
    return normalise
