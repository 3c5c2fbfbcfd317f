"""The loops of the recurrent cells over all frames of a batch, forward and back.

The equations are `cells`'; the derivatives are written by hand. What they need of a block of
frames is computed at once, so the loop over frames (`frames`) holds one product and two or three
elementwise operations, and the gradient of the recurrent matrix is one product a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from ds2kit.encoders.cells import CLIP, CellName
from ds2kit.encoders.fast import frames
from ds2kit.encoders.fast.way import Way


class Loops(Protocol):
    """A cell's way through all frames. Buffers are [directions, rows, ...]."""

    @staticmethod
    def forward(projected: Tensor, recurrent: Tensor, way: Way) -> tuple[Tensor, ...]:
        """V to h [directions, rows, n], and what `backward` needs besides."""

    @staticmethod
    def backward(
        of_states: Tensor, of_recurrent: Tensor, saved: Sequence[Tensor], way: Way
    ) -> Tensor:
        """The gradient of h, which is overwritten, to that of V; adds that of U."""


class RnnLoops:
    @staticmethod
    def forward(projected: Tensor, recurrent: Tensor, way: Way) -> tuple[Tensor, ...]:
        directions, width, _ = recurrent.shape
        states = projected.new_empty(directions, len(projected), width)
        for block in way.blocks:
            own = states[:, block.rows]
            way.lay(own, projected, block)
            way.through(frames.rnn_ahead, own, block.frame_before(states), block.sizes, way.tanh)
        return (states,)

    @staticmethod
    def backward(
        of_states: Tensor, of_recurrent: Tensor, saved: Sequence[Tensor], way: Way
    ) -> Tensor:
        (states,) = saved
        for block in reversed(way.blocks):
            slopes = slope(states[:, block.rows], way.tanh)
            way.through(frames.rnn_back, of_states, slopes, *block.place)
            before = way.before(states, block)
            way.add_recurrent_gradient(of_recurrent, of_states[:, block.rows], before)
        return of_states


class GruLoops:
    @staticmethod
    def forward(projected: Tensor, recurrent: Tensor, way: Way) -> tuple[Tensor, ...]:
        directions, _, width = recurrent.shape
        states = projected.new_empty(directions, len(projected), width)
        candidates = torch.empty_like(states)
        sums = projected.new_empty(directions, len(projected), 3 * width)
        for block in way.blocks:
            own, g = sums[:, block.rows], candidates[:, block.rows]
            way.lay(own, projected, block)
            g.copy_(own[..., 2 * width :])
            # What a frame adds to nothing here is Ug h alone, of which `backward` has need.
            own[..., 2 * width :] = 0
            buffers = own, g, states[:, block.rows], block.frame_before(states)
            way.through(frames.gru_ahead, *buffers, block.sizes, way.tanh)
        return states, candidates, sums

    @staticmethod
    def backward(
        of_states: Tensor, of_recurrent: Tensor, saved: Sequence[Tensor], way: Way
    ) -> Tensor:
        states, candidates, sums = saved
        of_sums = torch.empty_like(sums)
        for block in reversed(way.blocks):
            (z, r, reset), g = sums[:, block.rows].chunk(3, dim=2), candidates[:, block.rows]
            before = way.before(states, block)
            # The gradients of the three sums are these coefficients times that of the state, so
            # they are ready before the loop, and the gradients take their places in it.
            own = of_sums[:, block.rows]
            of_update, of_reset, of_product = own.chunk(3, dim=2)
            keep, through = 1 - z, slope(g, way.tanh).mul_(z)
            torch.mul((g - before).mul_(z), keep, out=of_update)
            torch.mul(through, r, out=of_product)
            torch.mul(of_product * reset, 1 - r, out=of_reset)
            way.through(frames.gru_back, of_states, own, keep, *block.place)
            way.add_recurrent_gradient(of_recurrent, own, before)
            # V's part of g is not reset.
            torch.mul(of_states[:, block.rows], through, out=of_product)
        return of_sums


class LstmLoops:
    @staticmethod
    def forward(projected: Tensor, recurrent: Tensor, way: Way) -> tuple[Tensor, ...]:
        directions, _, width = recurrent.shape
        states = projected.new_empty(directions, len(projected), width)
        memories = torch.empty_like(states)
        sums = projected.new_empty(directions, len(projected), 4 * width)
        for block in way.blocks:
            own = sums[:, block.rows]
            way.lay(own, projected, block)
            buffers = own, memories[:, block.rows], states[:, block.rows]
            before = block.frame_before(states), block.frame_before(memories)
            way.through(frames.lstm_ahead, *buffers, *before, block.sizes, way.tanh)
        return states, memories, sums

    @staticmethod
    def backward(
        of_states: Tensor, of_recurrent: Tensor, saved: Sequence[Tensor], way: Way
    ) -> Tensor:
        states, memories, sums = saved
        of_sums = torch.empty_like(sums)
        of_memory = states.new_zeros(len(states), way.order.first, states.shape[2])
        for block in reversed(way.blocks):
            o, i, j, g = sums[:, block.rows].chunk(4, dim=2)
            heard = memories[:, block.rows].clone()
            frames.activate(heard, way.tanh)
            # As in the gated recurrent units, coefficients first: the output gate's is multiplied
            # by the gradient of h, the others by that of c.
            own = of_sums[:, block.rows]
            of_output, of_input, of_forget, of_candidate = own.chunk(4, dim=2)
            torch.mul(heard * o, 1 - o, out=of_output)
            torch.mul(i * g, 1 - i, out=of_input)
            torch.mul(way.before(memories, block).mul_(j), 1 - j, out=of_forget)
            torch.mul(i, slope(g, way.tanh), out=of_candidate)
            to_memory = slope(heard, way.tanh).mul_(o)
            buffers = of_states, own, of_memory, j, to_memory
            way.through(frames.lstm_back, *buffers, *block.place)
            way.add_recurrent_gradient(of_recurrent, own, way.before(states, block))
        return of_sums


def slope(outputs: Tensor, tanh: bool) -> Tensor:
    """The activation's derivative where it gave `outputs`; 0 where it is clipped."""
    if tanh:
        return 1 - outputs.square()
    return ((outputs > 0) & (outputs < CLIP)).to(outputs.dtype)


LOOPS: dict[CellName, type[Loops]] = {"gru": GruLoops, "rnn": RnnLoops, "lstm": LstmLoops}
