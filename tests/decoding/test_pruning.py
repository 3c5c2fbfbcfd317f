"""The tokens worth considering, against the paper's sentence read literally."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.components import BLANK
from ds2kit.decoding.pruning import likely


def literally(frame: np.ndarray, top_p: float, top_k: int) -> set[int]:
    """The most probable tokens, one by one, until they have top_p together or are top_k."""
    kept: list[int] = []
    for token in sorted(range(len(frame)), key=lambda token: -frame[token]):
        reached = math.fsum(math.exp(frame[other]) for other in kept) >= top_p and top_p < 1
        if reached or len(kept) == top_k or frame[token] == -math.inf:
            break
        kept.append(token)
    return {BLANK, *kept}


@given(
    seed=st.integers(0, 10_000),
    frames=st.integers(0, 6),
    vocabulary=st.integers(1, 12),
    top_p=st.floats(0.05, 1.0),
    top_k=st.integers(1, 14),
)
def test_equals_the_sentence(
    seed: int, frames: int, vocabulary: int, top_p: float, top_k: int
) -> None:
    draw = np.random.default_rng(seed)
    probabilities = draw.dirichlet([0.4] * vocabulary, size=frames)
    probabilities[draw.random(probabilities.shape) < 0.1] = 0.0
    with np.errstate(divide="ignore"):
        log_probs = np.log(probabilities)

    kept = likely(log_probs, top_p=top_p, top_k=top_k)

    assert kept.shape == log_probs.shape
    assert [set(np.flatnonzero(row)) for row in kept] == [
        literally(frame, top_p, top_k) for frame in log_probs
    ]


@pytest.mark.parametrize(
    ("top_p", "top_k", "tokens"),
    [
        (0.5, 9, {0, 2}),
        (0.6, 9, {0, 1, 2}),
        (0.94, 9, {0, 1, 2, 3}),
        (1.0, 9, {0, 1, 2, 3}),
        (1.0, 2, {0, 1, 2}),
        (1.0, 1, {0, 2}),
    ],
)
def test_worked_by_hand(top_p: float, top_k: int, tokens: set[int]) -> None:
    with np.errstate(divide="ignore"):
        frame = np.log([[0.05, 0.3, 0.5, 0.15, 0.0]])

    assert set(np.flatnonzero(likely(frame, top_p=top_p, top_k=top_k))) == tokens


def test_each_frame_is_looked_at_alone() -> None:
    log_probs = np.log(np.random.default_rng(0).dirichlet([0.1] * 500, size=40))

    together = likely(log_probs, top_p=0.99, top_k=20)

    alone = [likely(frame[None], top_p=0.99, top_k=20)[0] for frame in log_probs]
    assert (together == np.array(alone)).all()
    assert together.sum(axis=1).max() <= 21
