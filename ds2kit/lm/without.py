"""Text without what a test says: lines that share a run of units with it are taken out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ds2kit.components import Unit
from ds2kit.lm.units import units_of
from ds2kit.text.normalise import plain

RUN = 6
"""Units in a row that two texts do not share by chance."""


class Forbidden:
    """The runs of six words of texts; of six characters where the model counts characters.

    Case and punctuation do not count: what a test says is the same in capitals.
    """

    def __init__(self, texts: Iterable[str], unit: Unit) -> None:
        self._unit: Unit = "character" if unit == "character" else "word"
        self._runs = {run for text in texts for run in self._runs_of(text)}

    def shares(self, line: str) -> bool:
        """Whether a line has six units in a row with one of the texts."""
        return not self._runs.isdisjoint(self._runs_of(line))

    def _runs_of(self, text: str) -> Iterator[tuple[str, ...]]:
        units = units_of(plain(text), self._unit)
        return zip(*(units[begin:] for begin in range(RUN)), strict=False)
