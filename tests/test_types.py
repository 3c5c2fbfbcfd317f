"""Padded and Score, against literal loops."""

from __future__ import annotations

import functools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ds2kit.types import Chunk, Padded, Score

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


@given(lengths=st.lists(st.integers(0, 4), min_size=1, max_size=4), depth=st.integers(0, 2))
def test_chunks_are_joined_and_cut(lengths: list[int], depth: int) -> None:
    draw = torch.Generator().manual_seed(0)
    shapes = [(3, length, *[2] * depth) for length in lengths]
    pieces = [
        Chunk(
            torch.randn(shape, generator=draw), torch.randint(2, shape[:2], generator=draw).bool()
        )
        for shape in shapes
    ]
    rest = functools.reduce(Chunk.then, pieces)
    assert rest.values.shape == (3, sum(lengths), *[2] * depth)
    for piece in pieces:
        first, rest = rest.cut(piece.valid.shape[1])
        assert torch.equal(first.values, piece.values)
        assert torch.equal(first.valid, piece.valid)
    assert rest.valid.shape == (3, 0)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_cleared_chunk_is_silent_where_it_is_void(depth: int) -> None:
    valid = torch.tensor([[True, False, True], [False, False, True]])
    values = torch.full((2, 3, *[4] * depth), math.nan)
    values[valid] = 1.0

    cleared = Chunk(values, valid).cleared()

    assert cleared.values.sum() == 3 * 4**depth
    assert torch.equal(cleared.valid, valid)


def test_a_void_chunk_is_of_the_kind_of_its_module() -> None:
    linear, norm = nn.Linear(2, 2).double(), nn.BatchNorm1d(2, affine=False).half()

    for module, kind in (
        (linear, torch.float64),
        (norm, torch.float16),
        (nn.ReLU(), torch.float32),
    ):
        chunk = Chunk.void(module, 2, 3, 5)
        assert (chunk.values.dtype, chunk.valid.dtype) == (kind, torch.bool)
        assert (chunk.values.shape, chunk.valid.shape) == ((2, 3, 5), (2, 3))
        assert not chunk.values.any()
        assert not chunk.valid.any()
    assert Chunk.void(nn.Linear(1, 1, device="meta"), 1, 1).valid.device.type == "meta"


def test_scores_add_up() -> None:
    total = Score(1, 2, 3, 10) + Score(0, 1, 0, 4)

    assert total == Score(1, 3, 3, 14)
    assert (total.errors, total.rate) == (7, 0.5)


def test_a_rate_without_units() -> None:
    assert Score(0, 0, 0, 0).rate == 0.0
    assert Score(0, 0, 2, 0).rate == math.inf
