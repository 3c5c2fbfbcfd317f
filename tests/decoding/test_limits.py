"""What a search is told, and what it refuses to be told."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from ds2kit.decoding.limits import Limits, Weights
from ds2kit.errors import UserError

GOOD: dict[str, Any] = {"beam": 1, "beam_threshold": 25.0, "top_p": 1.0, "top_k": 1, "n_best": 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beam", 0),
        ("top_k", -1),
        ("n_best", 0),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("top_p", math.nan),
    ],
)
def test_limits_out_of_range(name: str, value: float) -> None:
    assert Limits(**GOOD).beam == 1
    with pytest.raises(UserError, match=f"^decoder: {name} is {value:g}; it takes "):
        Limits(**GOOD | {name: value})


def test_a_language_model_weighs_one_unless_told_otherwise(drawn: Callable[..., Any]) -> None:
    model = drawn(["a"], unit="word")

    assert Weights.of(model, None, 0.5) == Weights(1.0, 0.5, 0.0)
    assert Weights.of(model, 0.0, 0.5, -2.0) == Weights(0.0, 0.5, -2.0)
    assert Weights.of(None, None, 0.5) == Weights(1.0, 0.5)
    # Tuning tries that there is none.
    assert Weights.of(None, 0.0, 0.5).lm_weight == 0.0


def test_weights_that_are_none(drawn: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match=r"lm_weight is 0.7, and there is no language model"):
        Weights.of(None, 0.7, 0.0)
    for weights in ((math.nan, 0.0, 0.0), (1.0, math.inf, 0.0), (1.0, 0.0, math.nan)):
        with pytest.raises(UserError, match=r"^decoder: \w+_\w+ is (nan|inf); it takes a number"):
            Weights.of(drawn(["a"], unit="word"), *weights)
