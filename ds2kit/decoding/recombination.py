"""Which texts of a beam nothing that follows can bring to the top any more."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from ds2kit.decoding.candidates import Candidate
from ds2kit.decoding.fusion import Key


def recombined(beam: Sequence[Candidate]) -> list[Candidate]:
    """The beam, the best first, without the texts that cannot become the best any more.

    Whatever follows is worth the same after two texts of one future: where the language model has
    forgotten in what they differ. Then the lesser one stays behind for ever, and is let go. The
    best text and its score stay what they are; the beam has room for others, and in a stream
    words become final.
    """
    return _Beam(beam).without_hopeless()


class _Beam:
    """Candidates, and which of them may still become which others."""

    def __init__(self, beam: Sequence[Candidate]) -> None:
        self._beam = beam
        self._present = {one.prefix.key: one for one in beam}
        self._beginnings = {
            one.prefix.key: [
                other
                for other in beam
                if other is not one and one.prefix.written.startswith(other.prefix.written)
            ]
            for one in beam
        }

    def without_hopeless(self) -> list[Candidate]:
        better: dict[Hashable, list[Candidate]] = {}
        hopeless: set[Key] = set()
        for one in self._beam:
            others = better.setdefault(one.prefix.future, [])
            if any(self._stays_ahead(other, one) for other in others):
                hopeless.add(one.prefix.key)
            others.append(one)
        # What still flows into a text that stays is not to be lost.
        for one in self._beam:
            if one.prefix.key not in hopeless:
                hopeless -= {other.prefix.key for other in self._beginnings[one.prefix.key]}
        return [one for one in self._beam if one.prefix.key not in hopeless]

    def _stays_ahead(self, leader: Candidate, other: Candidate) -> bool:
        """Whether it outweighs another for ever: it does now, and so does, for each text of the
        beam that may still become the other, the one that becomes the leader in the same way.
        """
        if not leader.outweighs(other):
            return False
        for beginning in self._beginnings[other.prefix.key]:
            rest = other.prefix.written[len(beginning.prefix.written) :]
            written = leader.prefix.written.removesuffix(rest)
            counterpart = self._present.get(beginning.prefix.key_of(written))
            if (
                not leader.prefix.written.endswith(rest)
                or counterpart is None
                or counterpart.prefix.future != beginning.prefix.future
                or not counterpart.outweighs(beginning)
            ):
                return False
        return True
