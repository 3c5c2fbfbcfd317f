"""Sequence-wise batch normalisation (Laurent et al. 2015; Amodei et al. 2015)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable


class SequenceBatchNorm(nn.Module):
    """gamma (x - mean) / sqrt(var + eps) + beta, per feature, over all valid frames of the batch.

    [rows, ..., features] to the same, each row a valid frame; what stands between rows and
    features (the frequencies of a convolution's channels) is averaged over as well. The result is
    float32, or float64 where the input is.

    In training, mean and variance (of the population, not Bessel's) are those of the valid frames
    of all utterances, on all ranks of torch.distributed together, forward and backward: ranks do
    as one process would with the joined batch. A rank without frames takes part. In evaluation
    they are running averages, to which each training batch adds `momentum` of its own; the first
    1 / momentum batches weigh equally, so nothing is left of the initial 0 and 1. A batch without
    a single frame changes nothing.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    running_mean: Tensor
    running_variance: Tensor
    batches: Tensor

    def __init__(self, features: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_variance", torch.ones(features))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, rows: Tensor) -> Tensor:
        with torch.autocast(rows.device.type, enabled=False):
            flat = rows.reshape(rows[..., 0].numel(), len(self.weight))
            flat = flat.to(torch.promote_types(rows.dtype, torch.float32))
            return self._normalise(flat).reshape(rows.shape)

    def _normalise(self, flat: Tensor) -> Tensor:
        if not self.training:
            scale = self.weight * (self.running_variance + self.eps).rsqrt()
            return torch.addcmul(self.bias, flat - self.running_mean, scale)
        output, count, mean, variance = _BatchNorm.apply(  # type: ignore[no-untyped-call]
            flat, self.weight, self.bias, self.eps
        )
        self._remember(count, mean, variance)
        normalised: Tensor = output
        return normalised

    @torch.no_grad()
    def _remember(self, count: Tensor, mean: Tensor, variance: Tensor) -> None:
        self.batches += count > 0
        share = (1 / self.batches.clamp(min=1)).clamp(min=self.momentum)
        share = torch.where(count > 0, share, 0.0).to(self.running_mean.dtype)
        self.running_mean.lerp_(mean.to(share.dtype), share)
        self.running_variance.lerp_(variance.to(share.dtype), share)


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
