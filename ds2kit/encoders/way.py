"""The way through the frames of a batch, from the first to the last and back.

Frames are passed through in blocks that fit a cache: what can be done for a whole block at once
is, so a frame costs one product and a few elementwise operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ds2kit.encoders.activation import Activation
from ds2kit.encoders.products import Product, lowered, product_with
from ds2kit.encoders.rows import TimeOrder
from ds2kit.encoders.threads import side_by_side, threads_for, worth_a_thread

BLOCK_ROWS = 512
"""Rows of a block, but for its last frame's."""


@dataclass(frozen=True)
class Block:
    """Frames that follow each other, and their rows."""

    frames: range
    rows: slice


@dataclass(frozen=True)
class Way:
    """The way through a batch's frames, with the product of each.

    Buffers are [directions, rows, ...]. A group of directions is one loop: on a CPU each
    direction is one, and they run side by side; where that does not pay, and on a GPU, both are
    one loop over batches of two products.
    """

    order: TimeOrder
    activation: Activation
    kind: torch.dtype
    groups: tuple[tuple[slice, Product], ...]
    blocks: tuple[Block, ...]
    operations: int

    @classmethod
    def of(cls, order: TimeOrder, activation: Activation, kind: torch.dtype, matrix: Tensor) -> Way:
        """matrix: [directions, k, m], which the products multiply by."""
        directions = len(matrix)
        operations = 2 * order.first * matrix[0].numel()
        apart = matrix.device.type == "cpu" and worth_a_thread(operations)
        slices = [slice(d, d + 1) for d in range(directions)] if apart else [slice(0, directions)]
        groups = tuple((group, product_with(matrix[group], kind)) for group in slices)
        return cls(order, activation, kind, groups, tuple(_blocks(order.sizes)), operations)

    def run(self, loop: Callable[[slice, Product], None]) -> None:
        """Run a loop for each group of directions."""
        side_by_side([partial(loop, *group) for group in self.groups], self.operations)

    def ahead(self, block: Block, *parts: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """Each frame's part of each of a block's tensors, as [group, utterances, ...]."""
        with threads_for(self.operations):
            yield from self._frames(block, parts)

    def back(self, block: Block, states: Tensor, *parts: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """As `ahead`, from the last frame to the first, and before them the part of `states`
        [group, rows, n] of all blocks that stands one frame earlier. Before the first frame, what
        is written to it is lost.
        """
        stop, sizes = block.rows.stop, self.order.sizes
        frames = reversed(list(self._frames(block, parts)))
        with threads_for(self.operations):
            for number, own in zip(reversed(block.frames), frames, strict=True):
                size, stop = sizes[number], stop - sizes[number]
                if number:
                    start = stop - sizes[number - 1]
                    yield states[:, start : start + size], *own
                else:
                    yield states.new_zeros(len(states), size, states.shape[2]), *own

    def _frames(self, block: Block, parts: Sequence[Tensor]) -> Iterator[tuple[Tensor, ...]]:
        sizes = self.order.sizes[block.frames.start : block.frames.stop]
        return zip(*(part.split_with_sizes(sizes, dim=1) for part in parts), strict=True)

    def start(self, like: Tensor, group: slice) -> Tensor:
        """The state before the first frame, [group, utterances, n]."""
        return like.new_zeros(len(like[group]), self.order.first, like.shape[2])

    def directed(self, rows: Tensor, features: int, group: slice, block: Block) -> Tensor:
        """A block of a direction's rows [group, rows, features], which stand backwards for the
        second, of [rows, features] or of what each direction has for itself.
        """
        shared, parts = rows.shape[1] == features, []
        for direction in range(group.start, group.stop):
            first = 0 if shared else direction * features
            places = block.rows if direction == 0 else self.order.reversal[block.rows]
            parts.append(rows[:, first : first + features][places])
        return torch.stack(parts)

    def before(self, states: Tensor, group: slice, block: Block) -> Tensor:
        """A block's states one frame earlier, [group, rows, n]; zeros before the first."""
        first, rows = self.order.first, block.rows
        none = states.new_zeros(len(states[group]), max(0, first - rows.start), states.shape[2])
        places = self.order.previous[max(0, rows.start - first) : rows.stop - first]
        earlier = [direction.index_select(0, places) for direction in states[group]]
        return torch.cat([none, torch.stack(earlier)], dim=1)

    def add_recurrent_gradient(self, total: Tensor, of_sums: Tensor, before: Tensor) -> None:
        """A block's share: of the gradient of U h, and h a frame earlier."""
        if self.kind == total.dtype:
            total.baddbmm_(of_sums.mT, before)
        else:
            low = torch.bmm(lowered(of_sums, self.kind).mT, lowered(before, self.kind))
            total.add_(low)


def _blocks(sizes: tuple[int, ...]) -> Iterator[Block]:
    frame = row = rows = 0
    for number, size in enumerate(sizes, start=1):
        rows += size
        if rows - row >= BLOCK_ROWS or number == len(sizes):
            yield Block(range(frame, number), slice(row, rows))
            frame, row = number, rows
