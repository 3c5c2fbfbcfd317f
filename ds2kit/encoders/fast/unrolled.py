"""A recurrent layer over all frames of a batch, as one function that has a gradient.

Rows stand in order of time (`rows.TimeOrder`), so a frame is a slice, the batch shrinks as
utterances end, and no padding is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ds2kit.encoders.cells import Activation, CellName
from ds2kit.encoders.fast.loops import LOOPS, Loops
from ds2kit.encoders.fast.products import product_type
from ds2kit.encoders.fast.rows import TimeOrder
from ds2kit.encoders.fast.way import Way
from ds2kit.types import Padded


def recur(
    cell: CellName,
    frames: Padded,
    project: Callable[[Tensor], Tensor],
    recurrent: Tensor,
    activation: Activation,
) -> Padded:
    """A layer over every utterance; returns h summed over the directions, zeros in the padding.

    project: valid frames [rows, features] to V, [rows, gates * n], or [rows, directions * gates
        * n] where each direction has its own
    recurrent: U [directions, gates * n, n], forward first
    """
    order = TimeOrder.of(frames)
    projected = project(order.gather(frames.values))
    hidden = unrolled(cell, projected, recurrent, order, activation, product_type(projected))
    return Padded(order.scatter(hidden), frames.lengths)


def unrolled(
    cell: CellName,
    projected: Tensor,
    recurrent: Tensor,
    order: TimeOrder,
    activation: Activation,
    kind: torch.dtype | None = None,
) -> Tensor:
    """A layer over the rows of a batch; returns h summed over the directions, [rows, n].

    projected: V in order of time, as `recur` has it
    kind: the type that products round to; None: none. States and gates are float32, or float64
        where V is
    """
    own = torch.promote_types(projected.dtype, torch.float32)
    with torch.autocast(projected.device.type, enabled=False):
        hidden: Tensor = _Unrolled.apply(  # type: ignore[no-untyped-call]
            projected.to(own), recurrent.to(own), order, LOOPS[cell], activation, kind or own
        )
    return hidden


class _Unrolled(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        recurrent: Tensor,
        order: TimeOrder,
        loops: type[Loops],
        activation: Activation,
        kind: torch.dtype,
    ) -> Tensor:
        way = Way.of(order, activation, kind, recurrent.mT)
        saved = loops.forward(projected, recurrent, way)
        ctx.save_for_backward(recurrent, *saved)
        ctx.rest = order, loops, activation, kind, projected.shape[1]
        return _summed(saved[0], order)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        recurrent, *saved = ctx.saved_tensors
        order, loops, activation, kind, features = ctx.rest
        with torch.autocast(gradient.device.type, enabled=False):
            way = Way.of(order, activation, kind, recurrent)
            of_recurrent = torch.zeros_like(recurrent)
            of_states = _both(gradient, order, len(recurrent))
            directed = loops.backward(of_states, of_recurrent, saved, way)
            of_projected = _adjoint(directed, order, features)
        return of_projected, of_recurrent, None, None, None, None


def _adjoint(directed: Tensor, order: TimeOrder, features: int) -> Tensor:
    """The gradient of V [rows, features] from those of the directions' [directions, rows, ...]."""
    if directed.shape[2] == features:
        return _summed(directed, order)
    return torch.cat([directed[0], directed[1].index_select(0, order.reversal)], dim=1)


def _both(rows: Tensor, order: TimeOrder, directions: int) -> Tensor:
    """[rows, n] to a new [directions, rows, n]: as it is, and every utterance backwards."""
    if directions == 1:
        return rows[None].clone(memory_format=torch.contiguous_format)
    return torch.stack([rows, rows.index_select(0, order.reversal)])


def _summed(directed: Tensor, order: TimeOrder) -> Tensor:
    """[directions, rows, n] to a new [rows, n]; the adjoint of `_both`."""
    if len(directed) == 1:
        return directed[0].clone()
    return directed[0] + directed[1].index_select(0, order.reversal)
