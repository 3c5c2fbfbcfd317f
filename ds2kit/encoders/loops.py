"""The loops of the recurrent cells over all frames of a batch, forward and back.

The equations are `cells`'; the derivatives are written by hand. What they need of a block of
frames is computed at once, so the loop over frames holds one product and two or three elementwise
operations, and the gradient of the recurrent matrix is one product a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from ds2kit.encoders.activation import activate, slope
from ds2kit.encoders.cells import CellName
from ds2kit.encoders.products import Product
from ds2kit.encoders.way import Way


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

        def loop(group: slice, add_product: Product) -> None:
            state = way.start(states, group)
            for block in way.blocks:
                own = states[group, block.rows]
                own.copy_(way.directed(projected, width, group, block))
                for (following,) in way.ahead(block, own):
                    add_product(following, state[:, : following.shape[1]])
                    activate(following, way.activation)
                    state = following

        way.run(loop)
        return (states,)

    @staticmethod
    def backward(
        of_states: Tensor, of_recurrent: Tensor, saved: Sequence[Tensor], way: Way
    ) -> Tensor:
        (states,) = saved

        def loop(group: slice, add_product: Product) -> None:
            for block in reversed(way.blocks):
                own = of_states[group, block.rows]
                slopes = slope(states[group, block.rows], way.activation)
                for earlier, state, steep in way.back(block, of_states[group], own, slopes):
                    state.mul_(steep)
                    add_product(earlier, state)
                before = way.before(states, group, block)
                way.add_recurrent_gradient(of_recurrent[group], own, before)

        way.run(loop)
        return of_states


class GruLoops:
    @staticmethod
    def forward(projected: Tensor, recurrent: Tensor, way: Way) -> tuple[Tensor, ...]:
        directions, _, width = recurrent.shape
        states = projected.new_empty(directions, len(projected), width)
        candidates = torch.empty_like(states)
        sums = projected.new_empty(directions, len(projected), 3 * width)

        def loop(group: slice, add_product: Product) -> None:
            state = way.start(states, group)
            for block in way.blocks:
                rows = group, block.rows
                sums[rows] = way.directed(projected, 3 * width, group, block)
                candidates[rows] = sums[rows][..., 2 * width :]
                # What a frame adds to nothing here is Ug h alone, of which `backward` has need.
                sums[rows][..., 2 * width :] = 0
                gates, parts = sums[rows][..., : 2 * width], sums[rows].chunk(3, dim=2)
                for total, two, z, r, u, g, following in way.ahead(
                    block, sums[rows], gates, *parts, candidates[rows], states[rows]
                ):
                    state = state[:, : total.shape[1]]
                    add_product(total, state)
                    two.sigmoid_()
                    activate(g.addcmul_(r, u), way.activation)
                    state = torch.lerp(state, g, z, out=following)

        way.run(loop)
        return states, candidates, sums

    @staticmethod
    def backward(
        of_states: Tensor, of_recurrent: Tensor, saved: Sequence[Tensor], way: Way
    ) -> Tensor:
        states, candidates, sums = saved
        width = states.shape[2]
        of_sums = torch.empty_like(sums)

        def loop(group: slice, add_product: Product) -> None:
            for block in reversed(way.blocks):
                rows = group, block.rows
                (z, r, product), g = sums[rows].chunk(3, dim=2), candidates[rows]
                before = way.before(states, group, block)
                # The gradients of the three sums are these coefficients times that of the state,
                # so they are ready before the loop, and the gradients take their places in it.
                own = of_sums[rows]
                of_update, of_reset, of_product = own.chunk(3, dim=2)
                keep, through = 1 - z, slope(g, way.activation).mul_(z)
                torch.mul((g - before).mul_(z), keep, out=of_update)
                torch.mul(through, r, out=of_product)
                torch.mul(of_product * product, 1 - r, out=of_reset)
                gates = own.reshape(*g.shape[:2], 3, width)
                for earlier, state, total, three, kept in way.back(
                    block, of_states[group], of_states[rows], own, gates, keep
                ):
                    three.mul_(state.unsqueeze(2))
                    add_product(earlier.addcmul_(state, kept), total)
                way.add_recurrent_gradient(of_recurrent[group], own, before)
                torch.mul(of_states[rows], through, out=of_product)  # V's part of g is not reset

        way.run(loop)
        return of_sums


class LstmLoops:
    @staticmethod
    def forward(projected: Tensor, recurrent: Tensor, way: Way) -> tuple[Tensor, ...]:
        directions, _, width = recurrent.shape
        states = projected.new_empty(directions, len(projected), width)
        memories = torch.empty_like(states)
        sums = projected.new_empty(directions, len(projected), 4 * width)

        def loop(group: slice, add_product: Product) -> None:
            state = memory = way.start(states, group)
            for block in way.blocks:
                rows = group, block.rows
                sums[rows] = way.directed(projected, 4 * width, group, block)
                gates, parts = sums[rows][..., : 3 * width], sums[rows].chunk(4, dim=2)
                for total, three, o, i, j, g, remembered, following in way.ahead(
                    block, sums[rows], gates, *parts, memories[rows], states[rows]
                ):
                    batch = total.shape[1]
                    add_product(total, state[:, :batch])
                    three.sigmoid_()
                    activate(g, way.activation)
                    memory = torch.mul(memory[:, :batch], j, out=remembered).addcmul_(i, g)
                    activate(following.copy_(memory), way.activation)
                    state = following.mul_(o)

        way.run(loop)
        return states, memories, sums

    @staticmethod
    def backward(
        of_states: Tensor, of_recurrent: Tensor, saved: Sequence[Tensor], way: Way
    ) -> Tensor:
        states, memories, sums = saved
        width = states.shape[2]
        of_sums = torch.empty_like(sums)

        def loop(group: slice, add_product: Product) -> None:
            memory = of_states[group, :0]
            for block in reversed(way.blocks):
                rows = group, block.rows
                o, i, j, g = sums[rows].chunk(4, dim=2)
                heard = memories[rows].clone()
                activate(heard, way.activation)
                # As in the gated recurrent units, coefficients first: the output gate's is
                # multiplied by the gradient of h, the others by that of c.
                own = of_sums[rows]
                of_output, of_input, of_forget, of_candidate = own.chunk(4, dim=2)
                torch.mul(heard * o, 1 - o, out=of_output)
                torch.mul(i * g, 1 - i, out=of_input)
                torch.mul(way.before(memories, group, block).mul_(j), 1 - j, out=of_forget)
                torch.mul(i, slope(g, way.activation), out=of_candidate)
                to_memory = slope(heard, way.activation).mul_(o)
                others = own.reshape(*o.shape[:2], 4, width)[:, :, 1:]
                for earlier, state, total, out, three, kept, steep in way.back(
                    block, of_states[group], of_states[rows], own, of_output, others, j, to_memory
                ):
                    # The batch grows backwards: utterances that end here have no later memory.
                    memory = F.pad(memory, (0, 0, 0, state.shape[1] - memory.shape[1]))
                    memory.addcmul_(state, steep)
                    out.mul_(state)
                    three.mul_(memory.unsqueeze(2))
                    add_product(earlier, total)
                    memory = memory * kept
                way.add_recurrent_gradient(
                    of_recurrent[group], own, way.before(states, group, block)
                )

        way.run(loop)
        return of_sums


LOOPS: dict[CellName, type[Loops]] = {"gru": GruLoops, "rnn": RnnLoops, "lstm": LstmLoops}
