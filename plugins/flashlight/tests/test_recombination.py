"""Who may still win: whatever follows, the best text's beginning is among them."""

from __future__ import annotations

import numpy as np
from ds2kit_flashlight.recombination import Rival, may_win
from hypothesis import given
from hypothesis import strategies as st

SCORES = st.floats(-5, 0, allow_subnormal=False)

rivals = st.lists(
    st.builds(Rival, st.sampled_from("abcde"), st.sampled_from("xyz"), SCORES),
    min_size=1,
    max_size=12,
)


@given(rivals, st.tuples(SCORES, SCORES, SCORES))
def test_whatever_follows(rivals: list[Rival], following: tuple[float, float, float]) -> None:
    """Each future leads to the end with a probability of its own; a text's ways add up."""
    added = dict(zip("xyz", following, strict=True))
    totals: dict[object, float] = {}
    for text, future, score in rivals:
        totals[text] = float(np.logaddexp(totals.get(text, -np.inf), score + added[str(future)]))
    best = max(totals, key=lambda text: totals[text])
    ways = [r.score + added[str(r.future)] for r in rivals if r.text == best]

    kept = [rival for rival, may in zip(rivals, may_win(rivals), strict=True) if may]

    top = {text for text, total in totals.items() if total > totals[best] - 1e-9}
    assert top & {rival.text for rival in kept}
    if len(top) == 1:
        kept_ways = [r.score + added[str(r.future)] for r in kept if r.text == best]
        assert max(kept_ways) > max(ways) - 1e-9


def test_a_few_that_may_not() -> None:
    listed = [
        Rival("a", "x", -1.0),
        Rival("a", "y", -9.0),
        Rival("b", "x", -4.0),  # a is better in x, its only future
        Rival("c", "y", -4.0),  # better than a in y
        Rival("d", "x", -3.5),  # worse than a in x, but
        Rival("d", "y", -5.0),  # better in y
        Rival("e", "z", -20.0),  # nobody else has its future
        Rival("f", "x", -2.0),  # worse than a, but not by much
        Rival("a", "x", -1.5),  # a has a better way
    ]

    assert may_win(listed) == [True, True, False, True, True, True, True, True, False]
