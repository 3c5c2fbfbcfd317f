"""Recurrent layers by the paper's equations, exact for any padding.

`reference.py` holds the same cells as literal loops; the tests compare.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ds2kit.encoders.activation import Activation, activate, slope
from ds2kit.encoders.normalisation import SequenceBatchNorm
from ds2kit.encoders.rows import TimeOrder
from ds2kit.encoders.threads import threads_for
from ds2kit.types import Padded

Cell = Literal["gru", "rnn"]

GATES: dict[Cell, int] = {"gru": 3, "rnn": 1}
"""Products of width n that a cell takes of its input and of its state."""


class Recurrence(nn.Module):
    """A recurrent layer, forward only or the sum of both directions.

    [batch, time, input_size] to [batch, time, width], zeros in the padding. Both directions share
    the input matrix, and batch normalisation acts on its product alone (Amodei et al. 2015).

    Parameters, with n = width and G = 3 gates (z, r, candidate) for `gru` and 1 for `rnn`:
    input.weight [G n, input_size]; input.bias [G n] or norm's; recurrent [directions, G n, n],
    forward direction first.
    """

    def __init__(
        self,
        input_size: int,
        width: int,
        cell: Cell = "gru",
        activation: Activation = "clipped_relu",
        bidirectional: bool = True,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        self.cell, self.activation = cell, activation
        gates, directions = GATES[cell], 2 if bidirectional else 1
        self.input = nn.Linear(input_size, gates * width, bias=not batch_norm)
        self.norm = SequenceBatchNorm(gates * width) if batch_norm else None
        self.recurrent = nn.Parameter(torch.empty(directions, gates * width, width))
        self._initialise()

    def _initialise(self) -> None:
        """Orthogonal recurrent matrices; inputs whose product has unit variance.

        With v = W x of unit variance and an orthogonal U, E[h^2] of the rectified
        h = f(v + U h) settles where q = (1 + q) / 2, at 1: seven layers neither die nor reach the
        clip. Two directions that share v correlate, and their sum has E[h^2] = 3.2; so W is that
        much smaller in a bidirectional stack, which matters only without batch norm.
        """
        directions, _, width = self.recurrent.shape
        for matrices in self.recurrent.data:
            for matrix in matrices.reshape(-1, width, width):
                nn.init.orthogonal_(matrix)
        power = 3.2 if directions == 2 else 1.0
        nn.init.normal_(self.input.weight, std=(power * self.input.in_features) ** -0.5)
        if self.input.bias is not None:
            nn.init.zeros_(self.input.bias)

    def forward(self, frames: Padded) -> Padded:
        order = TimeOrder.of(frames)
        projected: Tensor = self.input(order.gather(frames.values))
        if self.norm is not None:
            projected = self.norm.rows(projected)
        recur = gru if self.cell == "gru" else rnn
        hidden = recur(projected, self.recurrent, order, self.activation)
        return Padded(order.scatter(hidden), frames.lengths)


def gru(projected: Tensor, recurrent: Tensor, order: TimeOrder, activation: Activation) -> Tensor:
    """Gated recurrent units, the reset gate after the recurrent product.

    z = s(Vz + Uz h), r = s(Vr + Ur h), g = f(Vg + r (Ug h)), h' = (1 - z) h + z g

    projected: V [rows, 3 n] in order of time; recurrent: U [directions, 3 n, n]. Returns h summed
    over the directions, [rows, n]. Float32 inside, under autocast too (float64 stays float64).
    """
    return _apply(_Gru, projected, recurrent, order, activation)


def rnn(projected: Tensor, recurrent: Tensor, order: TimeOrder, activation: Activation) -> Tensor:
    """Simple recurrent units: h' = f(V + U h).

    projected: V [rows, n] in order of time; recurrent: U [directions, n, n]. As `gru` otherwise.
    """
    return _apply(_Rnn, projected, recurrent, order, activation)


def _apply(
    function: type[_Gru] | type[_Rnn],
    projected: Tensor,
    recurrent: Tensor,
    order: TimeOrder,
    activation: Activation,
) -> Tensor:
    kind = torch.promote_types(projected.dtype, torch.float32)
    with torch.autocast(projected.device.type, enabled=False):
        hidden: Tensor = function.apply(  # type: ignore[no-untyped-call]
            projected.to(kind), recurrent.to(kind), order, activation
        )
    return hidden


# Both directions run side by side as a batch of two products a frame. Buffers are
# [rows, directions, ...]; the loops see them frame by frame as [directions, utterances, ...].


class _Gru(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, recurrent: Tensor, order: TimeOrder, activation: Activation
    ) -> Tensor:
        directions, _, width = recurrent.shape
        sums = _directed(projected, order, directions)
        candidates = sums[..., 2 * width :].clone()
        # What the loop adds to nothing here is Ug h alone, of which the backward has need.
        sums[..., 2 * width :] = 0
        states = candidates.new_empty(_first(order) + order.rows, directions, width)
        states[: _first(order)] = 0
        update, reset, product = sums.chunk(3, dim=2)
        state = states[: _first(order)].transpose(0, 1)
        transposed = recurrent.transpose(1, 2)
        frames = zip(
            _frames(sums, order),
            _frames(sums[..., : 2 * width], order),
            _frames(update, order),
            _frames(reset, order),
            _frames(product, order),
            _frames(candidates, order),
            _frames(states[_first(order) :], order),
            strict=True,
        )
        with threads_for(_operations(order, recurrent)):
            for total, gates, z, r, u, g, following in frames:
                state = state[:, : total.shape[1]]
                total.baddbmm_(state, transposed)
                gates.sigmoid_()
                activate(g.addcmul_(r, u), activation)
                state = torch.lerp(state, g, z, out=following)
        ctx.save_for_backward(sums, candidates, states, recurrent)
        ctx.order, ctx.activation = order, activation
        return _summed(states[_first(order) :], order)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        order: TimeOrder = ctx.order
        sums, candidates, states, recurrent = ctx.saved_tensors
        with torch.autocast(gradient.device.type, enabled=False):
            z, r, product = sums.chunk(3, dim=2)
            before = states.index_select(0, order.previous)
            # The gradients of the three sums are these coefficients times that of the state, so
            # all of them are ready before the loop, and take the gradients' own place in it.
            through = z * slope(candidates, ctx.activation)
            sum_gradients = torch.empty_like(sums)
            of_update, of_reset, of_product = sum_gradients.chunk(3, dim=2)
            torch.mul(candidates - before, z * (1 - z), out=of_update)
            torch.mul(through, r, out=of_product)
            torch.mul(of_product * product, 1 - r, out=of_reset)
            state_gradients = _directed(gradient, order, len(recurrent))
            with threads_for(_operations(order, recurrent)):
                _gru_backward(state_gradients, sum_gradients, 1 - z, recurrent, order)
            recurrent_gradient = _recurrent_gradient(sum_gradients, before)
            torch.mul(state_gradients, through, out=of_product)
            return _summed(sum_gradients, order), recurrent_gradient, None, None


def _gru_backward(
    state_gradients: Tensor,
    sum_gradients: Tensor,
    keep: Tensor,
    recurrent: Tensor,
    order: TimeOrder,
) -> None:
    """Carry the states' gradients back through time, and multiply the sums' by them, in place."""
    width = recurrent.shape[2]
    states = _frames(state_gradients, order)
    sums = _frames(sum_gradients, order)
    gates = _frames(sum_gradients.reshape(*state_gradients.shape[:2], 3, width), order)
    kept = _frames(keep, order)
    for frame in reversed(range(len(states))):
        state = states[frame]
        gates[frame].mul_(state.unsqueeze(2))
        if frame:
            before = states[frame - 1][:, : state.shape[1]]
            before.addcmul_(state, kept[frame]).baddbmm_(sums[frame], recurrent)


class _Rnn(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, recurrent: Tensor, order: TimeOrder, activation: Activation
    ) -> Tensor:
        directions, _, width = recurrent.shape
        states = projected.new_empty(_first(order) + order.rows, directions, width)
        states[: _first(order)] = 0
        states[_first(order) :] = _directed(projected, order, directions)
        state = states[: _first(order)].transpose(0, 1)
        transposed = recurrent.transpose(1, 2)
        with threads_for(_operations(order, recurrent)):
            for following in _frames(states[_first(order) :], order):
                following.baddbmm_(state[:, : following.shape[1]], transposed)
                activate(following, activation)
                state = following
        ctx.save_for_backward(states, recurrent)
        ctx.order, ctx.activation = order, activation
        return _summed(states[_first(order) :], order)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        order: TimeOrder = ctx.order
        states, recurrent = ctx.saved_tensors
        with torch.autocast(gradient.device.type, enabled=False):
            gradients = _directed(gradient, order, len(recurrent))
            frames = _frames(gradients, order)
            slopes = _frames(slope(states[_first(order) :], ctx.activation), order)
            with threads_for(_operations(order, recurrent)):
                for frame in reversed(range(len(frames))):
                    own = frames[frame].mul_(slopes[frame])
                    if frame:
                        frames[frame - 1][:, : own.shape[1]].baddbmm_(own, recurrent)
            before = states.index_select(0, order.previous)
            recurrent_gradient = _recurrent_gradient(gradients, before)
            return _summed(gradients, order), recurrent_gradient, None, None


def _first(order: TimeOrder) -> int:
    """Utterances that have a first frame: rows of the state before it."""
    return order.sizes[0] if order.sizes else 0


def _operations(order: TimeOrder, recurrent: Tensor) -> int:
    """Of the recurrent product of a frame, at most."""
    return 2 * _first(order) * recurrent.numel()


def _directed(rows: Tensor, order: TimeOrder, directions: int) -> Tensor:
    """[rows, n] to a new [rows, directions, n]: as it is, and every utterance backwards."""
    if directions == 1:
        return rows[:, None].clone(memory_format=torch.contiguous_format)
    return torch.stack([rows, rows.index_select(0, order.reversal)], dim=1)


def _summed(directed: Tensor, order: TimeOrder) -> Tensor:
    """[rows, directions, n] to [rows, n]; the adjoint of `_directed`."""
    if directed.shape[1] == 1:
        return directed[:, 0].clone(memory_format=torch.contiguous_format)
    return directed[:, 0] + directed[:, 1].index_select(0, order.reversal)


def _frames(directed: Tensor, order: TimeOrder) -> tuple[Tensor, ...]:
    """[rows, directions, ...] to a view of each frame, [directions, utterances, ...]."""
    return directed.transpose(0, 1).split_with_sizes(order.sizes, dim=1)


def _recurrent_gradient(sum_gradients: Tensor, before: Tensor) -> Tensor:
    """[directions, G n, n]: one product over all frames."""
    return torch.bmm(sum_gradients.permute(1, 2, 0), before.transpose(0, 1))
