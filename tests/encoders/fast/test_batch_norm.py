"""Batch normalisation in training against its equation, derived by autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ds2kit.encoders.fast.batch_norm import normalise

EPS = 1e-5


def plain(rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    centred = rows - rows.mean(dim=0)
    return weight * centred / (centred.square().mean(dim=0) + EPS).sqrt() + bias


@pytest.mark.parametrize("count", [1, 2, 17])
def test_equals_the_equation_and_its_gradients(count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    drawn = [
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((count, 3), (3,), (3,), (count, 3))
    ]
    inputs, slopes = [tensor.requires_grad_() for tensor in drawn[:3]], drawn[3]
    ours, theirs = normalise(*inputs, EPS), plain(*inputs)

    torch.testing.assert_close(ours.rows, theirs, rtol=0, atol=1e-11)
    torch.testing.assert_close(
        torch.autograd.grad((ours.rows * slopes).sum(), inputs),
        torch.autograd.grad((theirs * slopes).sum(), inputs),
        rtol=1e-9,
        atol=1e-9,
    )
    assert ours.frames == count
    torch.testing.assert_close(ours.mean, drawn[0].detach().mean(dim=0))
    torch.testing.assert_close(ours.variance, drawn[0].detach().var(dim=0, correction=0))
