"""Mandarin as syllables: Hanyu Pinyin by pypinyin, which the extra `ds2kit[pinyin]` installs."""

from __future__ import annotations

import importlib.metadata
import re
from functools import lru_cache

from ds2kit.errors import UserError

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
"""Chinese characters, as a class of a regular expression."""

_BETWEEN = re.compile(rf"(?<=[{HAN}])\s+(?=[{HAN}])")
_RUNS = re.compile(rf"[{HAN}]+|[^{HAN}\s]+")
_FIRST = re.compile(rf"[{HAN}]")


NOT_INSTALLED = (
    "pinyin needs the package pypinyin, which is not installed; "
    "pip install 'ds2kit[pinyin]' brings it"
)

TONES = "12345"

READINGS_KEPT = 65_536
"""Runs of characters of which the reading is kept: with tones and without are read once."""


def syllables(text: str, *, tones: bool) -> list[str]:
    """The syllables of the Chinese characters, `hao3` or `hao`; any other word as it stands.

    A character of several readings is read as pypinyin's dictionary of phrases says, else as it
    is read most often; spaces between characters change nothing. The neutral tone is 5.
    Raises UserError where pypinyin is not installed.
    """
    found: list[str] = []
    for run in _RUNS.findall(_BETWEEN.sub("", text)):
        if not _FIRST.match(run):
            found.append(run)
        else:
            read = _read(run)
            found += read if tones else (syllable.rstrip(TONES) for syllable in read)
    return found


@lru_cache(READINGS_KEPT)
def _read(run: str) -> tuple[str, ...]:
    """A syllable with its tone for each of the characters; one without a reading has its own."""
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError:
        raise UserError(NOT_INSTALLED) from None
    # Neighbours without a reading come back as one, so spaces are put between them.
    spaced = " ".join
    read = lazy_pinyin(run, style=Style.TONE3, errors=spaced, neutral_tone_with_five=True)
    return tuple(" ".join(read).split())


def reader() -> str:
    """Whose readings `syllables` takes, with the version: another one may read otherwise.

    Raises UserError where it is not installed.
    """
    try:
        return f"pypinyin {importlib.metadata.version('pypinyin')}"
    except importlib.metadata.PackageNotFoundError:
        raise UserError(NOT_INSTALLED) from None
