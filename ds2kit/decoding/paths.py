"""Ways through the frames: what the most probable alignment of a text says when."""

from __future__ import annotations

from collections.abc import Iterable

from ds2kit.decoding.words import Emission


class Said:
    """An emission of a way, and what was said before it; ways share what they have in common.

    number: how many emissions the way has with this one
    """

    __slots__ = ("before", "end", "number", "probability", "start", "token")

    def __init__(
        self, before: Said | None, token: int, start: int, end: int, probability: float
    ) -> None:
        self.before = before
        self.number: int = before.number + 1 if before else 0
        self.token, self.start, self.end = token, start, end
        self.probability = probability

    @classmethod
    def nothing(cls) -> Said:
        """The beginning of all ways, which says nothing."""
        return cls(None, 0, 0, 0, 1.0)

    def longer(self, end: int, probability: float) -> Said:
        """The same emission, until another frame; as sure as in its surest frame."""
        surest = max(probability, self.probability)
        return Said(self.before, self.token, self.start, end, surest)

    def without(self, count: int) -> Said:
        """The way without its last emissions."""
        said = self
        for _ in range(count):
            assert said.before is not None
            said = said.before
        return said

    def since(self, earlier: Said) -> list[Emission]:
        """The emissions after an earlier one of the way, in order."""
        found = []
        said = self
        while said is not earlier:
            assert said.before is not None
            found.append(Emission(said.token, said.start, said.end, said.probability))
            said = said.before
        return found[::-1]

    def forget(self) -> None:
        """Let go what was said before."""
        self.before = None


def common(ways: Iterable[Said]) -> Said:
    """The last emission that all ways have in common; they have one beginning."""
    rest = iter(ways)
    shared = next(rest)
    for way in rest:
        while way is not shared:
            # The longer one cannot be the common part.
            if way.number >= shared.number:
                assert way.before is not None
                way = way.before
            if way is not shared and shared.number > way.number:
                assert shared.before is not None
                shared = shared.before
    return shared
