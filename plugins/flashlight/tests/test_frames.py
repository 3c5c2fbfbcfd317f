"""What a search considers, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from ds2kit_flashlight.frames import UNLIKELY, checked, pruned
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.decoding.pruning import likely
from ds2kit.errors import UserError


@given(
    seed=st.integers(0, 9999),
    size=st.integers(1, 9),
    top_p=st.floats(0.01, 1.0),
    top_k=st.integers(1, 12),
)
def test_the_fewest_tokens_that_reach_top_p(seed: int, size: int, top_p: float, top_k: int) -> None:
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(4, size)) * 3
    log_probs = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)
    before = log_probs.copy()

    found = pruned(log_probs, top_p=top_p, top_k=top_k)

    assert (log_probs == before).all()
    for row, values in zip(log_probs, found, strict=True):
        kept, together = {0}, 0.0
        for token in np.argsort(-row)[:top_k]:
            if top_p < 1 and together >= top_p:
                break
            kept.add(int(token))
            together += math.exp(row[token])
        considered = {int(token) for token in np.flatnonzero(values > UNLIKELY / 2)}
        # In single precision a sum may reach top_p a token later.
        assert considered == kept or abs(together - top_p) < 1e-6
        expected = [row[i] if i in considered else row[i] + UNLIKELY for i in range(size)]
        assert values == pytest.approx(expected, rel=1e-6)


def test_nothing_is_infinite() -> None:
    log_probs = np.array([[0.0, -np.inf, -np.inf]], np.float32)

    for top_p in (0.9, 1.0):
        assert np.isfinite(pruned(log_probs, top_p=top_p, top_k=2)).all()


def test_no_frames() -> None:
    assert pruned(np.zeros((0, 5), np.float32), top_p=0.9, top_k=2).shape == (0, 5)
    assert checked(torch.zeros(0, 5), 5, "it").shape == (0, 5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((7, 2, math.nan), "it: frame 7 holds NaN; expected natural log-probabilities"),
        ((0, 0, math.inf), "it: frame 0 holds infinity"),
        ((0, 1, 3.0), "it: the probabilities of a frame sum to .*: apply log_softmax"),
    ],
)
def test_what_are_no_log_probabilities_is_refused(change: Any, said: str) -> None:
    log_probs = torch.randn(40, 5).log_softmax(dim=-1)
    frame, token, value = change
    log_probs[frame, token] = value

    with pytest.raises(UserError, match=said):
        checked(log_probs, 5, "it")


def test_another_vocabulary_is_refused() -> None:
    with pytest.raises(UserError, match=r"are \[4, 5\]; expected \[frames, 6\]"):
        checked(torch.zeros(4, 5), 6, "it")


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_other_precisions(kind: torch.dtype) -> None:
    log_probs = torch.randn(9, 5).log_softmax(dim=-1).to(kind)

    assert checked(log_probs.T.contiguous().T, 5, "it").dtype == np.float32


@pytest.mark.parametrize(("top_p", "top_k"), [(1.0, 5), (0.9, 300), (0.99, 40), (0.5, 1)])
def test_what_is_considered_is_what_the_core_considers(top_p: float, top_k: int) -> None:
    scores = 4 * np.random.default_rng(0).standard_normal((50, 300))
    log_probs = (scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))).astype(np.float32)

    found = pruned(log_probs, top_p=top_p, top_k=top_k) > UNLIKELY / 2

    assert np.array_equal(found, likely(log_probs, top_p=top_p, top_k=top_k))
