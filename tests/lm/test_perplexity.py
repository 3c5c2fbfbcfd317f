"""Perplexity, worked by hand, and by a plain loop."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.components import END, LanguageModel
from ds2kit.errors import UserError
from ds2kit.lm import perplexity
from ds2kit.lm.perplexity import Perplexity, measure


class Known(LanguageModel):
    """`a` after an even number of units 1/2, else 1/4; the end 1/4; what is not known 1/8."""

    unit = "word"

    def __init__(self, path: Path = Path()) -> None:
        pass

    def initial_state(self) -> Hashable:
        return 0

    def score(
        self, states: Sequence[int], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[Hashable]]:
        shares = {"a": 1 / 2, END: 1 / 4}
        log_probs = [
            math.log(shares.get(unit, 1 / 8) / (1 + (unit == "a" and state % 2)))
            for state, unit in zip(states, units, strict=True)
        ]
        return log_probs, [state + 1 for state in states]

    def knows(self, unit: str) -> bool:
        return unit in ("a", END)


def test_by_hand() -> None:
    """`a a` and `b a`: 1/2 1/4 1/4 and 1/8 1/4 1/4, six events, one of them unknown."""
    found = measure(Known(), [["a", "a"], ["b", "a"]])

    assert (found.sentences, found.units, found.unknown, found.unknown_rate) == (2, 4, 1, 0.25)
    assert found.log_prob == pytest.approx(-12 * math.log(2))
    assert found.perplexity == pytest.approx(2 ** (12 / 6))
    assert found.known_perplexity == pytest.approx(2 ** (9 / 5))
    assert found.to_json()["perplexity"] == found.perplexity


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.sampled_from("ab"), max_size=5), min_size=1, max_size=9),
    st.integers(1, 4),
)
def test_side_by_side_is_one_after_another(sentences: list[list[str]], together: int) -> None:
    model, log_prob = Known(), 0.0
    for sentence in sentences:
        state: Hashable = model.initial_state()
        for unit in [*sentence, END]:
            (cost,), (state,) = model.score([state], [unit])  # type: ignore[list-item]
            log_prob += cost

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(perplexity, "TOGETHER", together)
        found = measure(model, iter(sentences))

    assert found.log_prob == pytest.approx(log_prob)
    assert found.units == sum(map(len, sentences))
    assert found.unknown == sum(sentence.count("b") for sentence in sentences)


def test_sentences_without_units_have_ends() -> None:
    found = measure(Known(), [[], []])

    assert (found.perplexity, found.unknown_rate) == (pytest.approx(4), 0.0)


def test_a_hopeless_model_is_infinitely_bad() -> None:
    assert Perplexity(1, 0, 0, -1e6, 0.0).perplexity == math.inf


def test_no_text() -> None:
    with pytest.raises(UserError, match="holds no sentence"):
        measure(Known(), [])
