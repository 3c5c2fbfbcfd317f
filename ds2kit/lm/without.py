"""Text without what a test says: lines that share a run of units with it, or are it, go out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ds2kit.components import Unit
from ds2kit.lm.units import units_of
from ds2kit.text.normalise import plain

RUN = 6
"""Units in a row that two texts do not share by chance."""


class Forbidden:
    """The runs of six words of texts; of six characters where the model counts characters.

    A text shorter than that is forbidden as a line of its own. Case and punctuation do not count:
    what a test says is the same in capitals.
    """

    def __init__(self, texts: Iterable[str], unit: Unit) -> None:
        self._unit: Unit = "character" if unit == "character" else "word"
        self._runs: set[tuple[str, ...]] = set()
        self._short: set[tuple[str, ...]] = set()
        for text in texts:
            units = self._units_of(text)
            self._runs.update(_runs(units))
            if 0 < len(units) < RUN:
                self._short.add(units)

    def shares(self, line: str) -> bool:
        """Whether a line has six units in a row with one of the texts, or is a shorter one."""
        units = self._units_of(line)
        return units in self._short or not self._runs.isdisjoint(_runs(units))

    def _units_of(self, text: str) -> tuple[str, ...]:
        return tuple(units_of(plain(text), self._unit))


def _runs(units: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return zip(*(units[begin:] for begin in range(RUN)), strict=False)
