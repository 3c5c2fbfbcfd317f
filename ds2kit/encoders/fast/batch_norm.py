"""Batch normalisation in training: over the rows of all ranks, its derivative written by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed
from torch.autograd.function import once_differentiable


class Normalised(NamedTuple):
    """rows: [rows, features], normalised

    Of the rows of all ranks, float64, and no gradient passes through them:
    frames: [], how many there are; mean, variance: [features]
    """

    rows: Tensor
    frames: Tensor
    mean: Tensor
    variance: Tensor


def normalise(rows: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Normalised:
    """weight (x - mean) / sqrt(variance + eps) + bias of each feature, [rows, features].

    Mean and variance (of the population) are those of the rows on all ranks of torch.distributed
    together; a rank without rows takes part.
    """
    found = _BatchNorm.apply(rows, weight, bias, eps)  # type: ignore[no-untyped-call]
    return Normalised(*found)


class _Moments(NamedTuple):
    """frames: []; mean and sum of squared deviations: [features], all float64."""

    frames: Tensor
    mean: Tensor
    squares: Tensor


class _BatchNorm(torch.autograd.Function):
    """[rows, features] normalised by the moments of all ranks' rows.

    Its backward assumes that the loss is the sum of the ranks' losses.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        count = len(rows)
        mean = rows.sum(dim=0) / max(count, 1)
        # Deviations first, then their squares: the mean of squares less the square of the mean
        # cancels in float32.
        centred = rows - mean
        squares = centred.square().sum(dim=0)
        own = _Moments(torch.tensor(float(count), device=rows.device), mean, squares)
        moments = _over_ranks(_Moments(*(part.double() for part in own)))
        if _ranks() > 1:
            centred += (mean.double() - moments.mean).to(rows.dtype)
        variance = moments.squares / moments.frames.clamp(min=1)
        deviation_inverse = (variance + eps).rsqrt().to(rows.dtype)
        ctx.save_for_backward(centred, deviation_inverse, weight, moments.frames)
        ctx.mark_non_differentiable(moments.frames, moments.mean, variance)
        output = torch.addcmul(bias, centred, weight * deviation_inverse)
        return output, moments.frames, moments.mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        centred, deviation_inverse, weight, count = ctx.saved_tensors
        bias_gradient = gradient.sum(dim=0)
        weight_gradient = (gradient * centred).sum(dim=0) * deviation_inverse
        means = torch.stack([bias_gradient, weight_gradient]).double()
        if _ranks() > 1:
            distributed.all_reduce(means)
        mean, mean_slope = (means / count.clamp(min=1)).to(gradient.dtype)
        scale = weight * deviation_inverse
        rows_gradient = centred * (-deviation_inverse * mean_slope * scale)
        rows_gradient -= mean * scale
        rows_gradient.addcmul_(gradient, scale)
        return rows_gradient, weight_gradient, bias_gradient, None


def _ranks() -> int:
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


def _over_ranks(own: _Moments) -> _Moments:
    """The moments of all ranks' rows together (Chan et al. 1979)."""
    if _ranks() == 1:
        return own
    packed = torch.cat([own.frames[None], own.mean, own.squares])
    parts = [torch.empty_like(packed) for _ in range(_ranks())]
    distributed.all_gather(parts, packed)
    every = torch.stack(parts)
    counts = every[:, :1]
    means, squares = every[:, 1:].chunk(2, dim=1)
    count = counts.sum()
    mean = (counts * means).sum(dim=0) / count.clamp(min=1)
    between = (counts * (means - mean).square()).sum(dim=0)
    return _Moments(count, mean, squares.sum(dim=0) + between)
