"""What is no log-probability is told of before anything is made of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ds2kit.decoding.frames import checked
from ds2kit.errors import UserError


def good(frames: int = 4) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return (5 * torch.randn(frames, 6, generator=draw)).log_softmax(dim=-1)


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_takes_what_models_give(kind: torch.dtype) -> None:
    log_probs = good(500).to(kind)

    assert checked(log_probs, 6, "one").tolist() == log_probs.double().tolist()


def test_takes_what_is_certain_and_nothing_at_all() -> None:
    certain = torch.tensor([[0.0, -math.inf]])

    assert checked(certain, 2, "one").tolist() == [[0.0, -math.inf]]
    assert checked(torch.zeros(0, 2), 2, "one").shape == (0, 2)


def test_is_a_copy() -> None:
    log_probs = good().double()
    checked(log_probs, 6, "one")[:] = 0.0

    assert log_probs.max() < 0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (math.nan, "utterance 3 of 8: frame 2 holds NaN; expected natural log-probabilities"),
        (math.inf, "utterance 3 of 8: frame 2 holds infinity"),
        (3.0, "utterance 3 of 8: the probabilities of frame 2 sum to 2"),
        (900.0, "utterance 3 of 8: the probabilities of frame 2 sum to inf"),
    ],
)
def test_names_the_frame(value: float, message: str) -> None:
    log_probs = good()
    log_probs[2:, 1] = value

    with pytest.raises(UserError) as told:
        checked(log_probs, 6, "utterance 3 of 8")

    assert str(told.value).startswith(message)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("shape", [(4, 5), (4,), (1, 4, 6)])
def test_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match=r"one: log-probabilities are .*; expected \[frames, 6\]"):
        checked(torch.zeros(shape), 6, "one")


def test_probabilities_are_no_logarithms_of_them() -> None:
    with pytest.raises(UserError, match="apply log_softmax"):
        checked(good().exp(), 6, "one")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_precision_that_is_wanted(dtype: torch.dtype) -> None:
    """With rows one after another in memory, whatever was given."""
    given = good().bfloat16().T.contiguous().T

    values = checked(given, 6, "one", dtype=dtype)

    assert values.tolist() == given.double().tolist()
    assert values.dtype == (np.float32 if dtype == torch.float32 else np.float64)
    assert values.flags.c_contiguous
