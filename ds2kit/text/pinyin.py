"""Mandarin as syllables: Hanyu Pinyin by pypinyin, which the extra `ds2kit[pinyin]` installs."""

from __future__ import annotations

import importlib.metadata
import re
from typing import Any

from ds2kit.errors import UserError

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
"""Chinese characters, as a class of a regular expression."""

_BETWEEN = re.compile(rf"(?<=[{HAN}])\s+(?=[{HAN}])")
_RUNS = re.compile(rf"[{HAN}]+|[^{HAN}\s]+")
_FIRST = re.compile(rf"[{HAN}]")


def syllables(text: str, *, tones: bool) -> list[str]:
    """The syllables of the Chinese characters, `hao3` or `hao`; any other word as it stands.

    A character of several readings is read as pypinyin's dictionary of phrases says, else as it
    is read most often; spaces between characters change nothing. The neutral tone is 5.
    Raises UserError where pypinyin is not installed.
    """
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError:
        raise UserError(
            "pinyin needs the package pypinyin, which is not installed; "
            "pip install 'ds2kit[pinyin]' brings it"
        ) from None
    apart: Any = list  # characters without a reading stand for themselves
    style = Style.TONE3 if tones else Style.NORMAL
    found: list[str] = []
    for run in _RUNS.findall(_BETWEEN.sub("", text)):
        if _FIRST.match(run):
            found += lazy_pinyin(run, style=style, errors=apart, neutral_tone_with_five=tones)
        else:
            found.append(run)
    return found


def reader() -> str:
    """Whose readings `syllables` takes, with the version: another one may read otherwise."""
    return f"pypinyin {importlib.metadata.version('pypinyin')}"
