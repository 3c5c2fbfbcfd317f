"""What can be counted: words, characters with spaces and without, syllables of Mandarin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from ds2kit.scoring.align import Unit, characters, words
from ds2kit.text.pinyin import syllables


@dataclass(frozen=True)
class Measure:
    """A kind of error rate: a normalised text to the units that are aligned.

    name:  as JSON has it
    title: as a table has it
    """

    name: str
    title: str
    units: Callable[[str], list[str]]


WORDS = Measure("wer", "WER", words)
WITH_SPACES = Measure("cer_with_spaces", "CER with spaces", partial(characters, spaces=True))
WITHOUT_SPACES = Measure(
    "cer_without_spaces", "CER without spaces", partial(characters, spaces=False)
)
WITH_TONES = Measure("pinyin_with_tones", "pinyin with tones", partial(syllables, tones=True))
WITHOUT_TONES = Measure(
    "pinyin_without_tones", "pinyin without tones", partial(syllables, tones=False)
)

LEADING: Mapping[Unit, Measure] = MappingProxyType({"word": WORDS, "character": WITHOUT_SPACES})
"""The measure to quote, by the unit that leads."""


def measures(*, pinyin: bool = False) -> tuple[Measure, ...]:
    """WER and both CERs; with `pinyin`, the syllable error rates of Mandarin too."""
    counted = (WORDS, WITH_SPACES, WITHOUT_SPACES)
    return (*counted, WITH_TONES, WITHOUT_TONES) if pinyin else counted
