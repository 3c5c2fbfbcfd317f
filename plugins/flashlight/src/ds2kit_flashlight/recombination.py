"""Which texts of a beam nothing that follows can bring to the top any more."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

MARGIN = 2.0
"""By how much, in natural logarithms, a text has to be better. What a text ends as may have several
beginnings at a time (its last letters said already, or not yet), and their sum counts: that of
seven, each of them beaten by so much by another text, is still less than the best of these."""


class Rival(NamedTuple):
    """A hypothesis amid an utterance.

    text:   what it reads
    future: all that its further score hangs on
    score:  so far
    """

    text: Hashable
    future: Hashable
    score: float


def may_win(rivals: Sequence[Rival]) -> list[bool]:
    """Whether each one may still be the beginning of the best one.

    It may not where there is another text that is better, by MARGIN, for each future that this
    one's has: whatever follows adds the same to both. So an n-gram model, which looks a few words
    back, decides about the words before these. Nor may it where its own text has a better way to
    the same future.
    """
    best: dict[tuple[Hashable, Hashable], float] = {}
    texts: dict[Hashable, dict[Hashable, float]] = {}
    for text, future, score in rivals:
        scores = texts.setdefault(text, {})
        best[text, future] = max(score, best.get((text, future), -np.inf))
        # Several ways to a text are added up in the end.
        scores[future] = float(np.logaddexp(scores.get(future, -np.inf), score))
    sharing: dict[Hashable, list[dict[Hashable, float]]] = {}
    for scores in texts.values():
        for future in scores:
            sharing.setdefault(future, []).append(scores)
    beaten = {
        text
        for text, scores in texts.items()
        if any(_beats(other, scores) for other in sharing[next(iter(scores))])
    }
    return [r.text not in beaten and r.score == best[r.text, r.future] for r in rivals]


def _beats(one: dict[Hashable, float], other: dict[Hashable, float]) -> bool:
    return all(future in one and one[future] > score + MARGIN for future, score in other.items())
