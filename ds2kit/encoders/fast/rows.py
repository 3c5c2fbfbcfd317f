"""The valid frames of a batch as the rows of one matrix.

What works on rows neither reads padding nor computes it: there is nothing to mask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ds2kit.types import Padded


@dataclass(frozen=True)
class TimeOrder:
    """Where each valid frame of a batch stands when they are put in order of time.

    Utterances are sorted by length, longest first. The rows of frame 0 come first, one for each
    utterance, then those of frame 1 for the utterances that are still going, and so on, so the
    rows of every frame continue the first rows of the frame before.

    sizes:    rows of each frame, never rising; they add up to `rows`
    index:    [rows] place of a row among the batch * time frames of the padded batch
    previous: [rows - sizes[0]] the same utterance's row one frame earlier, of the rows after
              the first frame's
    reversal: [rows] the row that stands here when every utterance runs backwards; its own inverse
    """

    batch: int
    time: int
    sizes: tuple[int, ...]
    index: Tensor
    previous: Tensor
    reversal: Tensor

    @classmethod
    def of(cls, frames: Padded) -> TimeOrder:
        batch, time = frames.values.shape[:2]
        lengths, utterance = frames.lengths.cpu().sort(descending=True, stable=True)
        longest = int(lengths[0]) if batch else 0
        going = torch.arange(longest)[:, None] < lengths
        frame, place = going.nonzero(as_tuple=True)
        sizes = going.sum(dim=1)
        first = sizes.cumsum(0) - sizes
        device = frames.values.device
        return cls(
            batch,
            time,
            tuple(sizes.tolist()),
            index=(utterance[place] * time + frame).to(device),
            previous=(first[frame - 1] + place)[frame > 0].to(device),
            reversal=(first[lengths[place] - 1 - frame] + place).to(device),
        )

    @property
    def rows(self) -> int:
        return self.index.shape[0]

    @property
    def first(self) -> int:
        """Utterances that have a first frame."""
        return self.sizes[0] if self.sizes else 0

    def gather(self, values: Tensor) -> Tensor:
        """[batch, time, ...] to [rows, ...]"""
        return take(values.flatten(0, 1), self.index)

    def scatter(self, rows: Tensor) -> Tensor:
        """[rows, ...] to [batch, time, ...], zeros in the padding."""
        flat = put(rows, self.index, self.batch * self.time)
        return flat.reshape(self.batch, self.time, *rows.shape[1:])


def over_rows(frames: Padded, function: Callable[[Tensor], Tensor]) -> Padded:
    """Apply `function`, [rows, ...] to [rows, ...], to the valid frames; zeros in the padding."""
    order = TimeOrder.of(frames)
    return Padded(order.scatter(function(order.gather(frames.values))), frames.lengths)


def take(values: Tensor, index: Tensor) -> Tensor:
    """[places, ...] to those at `index`, [rows, ...]; none of them twice."""
    rows: Tensor = _Take.apply(values, index)  # type: ignore[no-untyped-call]
    return rows


def put(rows: Tensor, index: Tensor, places: int) -> Tensor:
    """[rows, ...] to [places, ...] where they stand at `index`, zeros elsewhere."""
    values: Tensor = _Put.apply(rows, index, places)  # type: ignore[no-untyped-call]
    return values


def _put(rows: Tensor, index: Tensor, places: int) -> Tensor:
    return rows.new_zeros(places, *rows.shape[1:]).index_copy_(0, index, rows)


class _Take(torch.autograd.Function):
    """No row is taken twice, so the gradient is a copy and no sum (faster than autograd's)."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.places = len(values)
        return values.index_select(0, index)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        return _put(gradient, index, ctx.places), None


class _Put(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, index: Tensor, places: int) -> Tensor:
        ctx.save_for_backward(index)
        return _put(rows, index, places)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (index,) = ctx.saved_tensors
        return gradient.index_select(0, index), None, None
