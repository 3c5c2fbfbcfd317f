"""Padded and Score, against literal loops."""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.types import Padded, Score

LENGTHS = st.lists(st.integers(0, 6), min_size=1, max_size=5)


@given(lengths=LENGTHS, extra=st.integers(0, 3), depth=st.integers(0, 2))
def test_mask_and_cleared(lengths: list[int], extra: int, depth: int) -> None:
    time = max(lengths) + extra
    values = torch.full((len(lengths), time, *[2] * depth), math.nan)
    for row, length in enumerate(lengths):
        values[row, :length] = 1.0

    padded = Padded(values, torch.tensor(lengths))

    mask = [[frame < length for frame in range(time)] for length in lengths]
    assert padded.mask().tolist() == mask
    cleared = padded.cleared()
    assert cleared.values.sum() == sum(lengths) * 2**depth
    assert cleared.values.shape == values.shape
    assert torch.equal(cleared.lengths, padded.lengths)


def test_clearing_keeps_nan_out_of_gradients() -> None:
    values = torch.tensor([[1.0, math.nan]], requires_grad=True)

    Padded(values, torch.tensor([1])).cleared().values.square().sum().backward()

    assert values.grad is not None
    assert values.grad.tolist() == [[2.0, 0.0]]


def test_scores_add_up() -> None:
    total = Score(1, 2, 3, 10) + Score(0, 1, 0, 4)

    assert total == Score(1, 3, 3, 14)
    assert (total.errors, total.rate) == (7, 0.5)


def test_a_rate_without_units() -> None:
    assert Score(0, 0, 0, 0).rate == 0.0
    assert Score(0, 0, 2, 0).rate == math.inf
