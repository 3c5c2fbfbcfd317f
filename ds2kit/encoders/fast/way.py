"""The way through the frames of a batch, from the first to the last and back.

Frames are passed through in blocks that fit a cache: what can be done for a whole block at once
is, so a frame costs one product and a few elementwise operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ds2kit.encoders.cells import Activation
from ds2kit.encoders.fast.frames import compiles, fastest
from ds2kit.encoders.fast.products import Product, lowered, product_with
from ds2kit.encoders.fast.rows import TimeOrder
from ds2kit.encoders.fast.threads import side_by_side, worth_a_thread

BLOCK_ROWS = 512
"""Rows of a block, but for its last frame's."""


@dataclass(frozen=True)
class Block:
    """Frames that follow each other.

    rows: of all of them
    sizes: rows of each
    earlier: rows of the frame before them; 0 where there is none
    """

    rows: slice
    sizes: list[int]
    earlier: int

    @property
    def place(self) -> tuple[int, list[int], int]:
        """First row, and the sizes."""
        return self.rows.start, self.sizes, self.earlier

    def frame_before(self, states: Tensor) -> Tensor:
        """The states [directions, rows, n] of the frame before; zeros before the first."""
        if self.earlier:
            return states[:, self.rows.start - self.earlier : self.rows.start]
        return states.new_zeros(len(states), self.sizes[0], states.shape[2])


@dataclass(frozen=True)
class Way:
    """The way through a batch's frames, with the product of each.

    Buffers are [directions, rows, ...]. A group of directions is one loop: on a CPU each
    direction is one, and they run side by side; where that does not pay, and on a GPU, both are
    one loop.
    """

    order: TimeOrder
    tanh: bool
    kind: torch.dtype
    groups: tuple[tuple[slice, Product], ...]
    blocks: tuple[Block, ...]
    operations: int

    @classmethod
    def of(cls, order: TimeOrder, activation: Activation, kind: torch.dtype, matrix: Tensor) -> Way:
        """matrix: [directions, k, m], which the products multiply by."""
        directions = len(matrix)
        operations = 2 * order.first * matrix[0].numel()
        apart = matrix.device.type == "cpu" and worth_a_thread(operations, compiles())
        slices = [slice(d, d + 1) for d in range(directions)] if apart else [slice(0, directions)]
        groups = tuple((group, product_with(matrix[group], kind)) for group in slices)
        blocks = tuple(_blocks(order.sizes))
        return cls(order, activation == "tanh", kind, groups, blocks, operations)

    def through(self, loop: Callable[..., None], *arguments: Any) -> None:
        """Run a loop of `frames` through a block, each group of directions with its own part of
        the buffers.
        """
        fast = fastest(loop)
        loops = []
        for group, product in self.groups:
            own = [part[group] if isinstance(part, Tensor) else part for part in arguments]
            loops.append(partial(fast, *own, product.matrix, product.mode))
        side_by_side(loops, self.operations)

    def lay(self, own: Tensor, projected: Tensor, block: Block) -> None:
        """A block's rows of V into [directions, rows of the block, features]; for the second
        direction they stand backwards.

        projected: [rows, features], or of what each direction has for itself
        """
        features = own.shape[2]
        for direction, rows in enumerate(own):
            first = direction * features if projected.shape[1] > features else 0
            part = projected[:, first : first + features]
            if direction == 0:
                rows.copy_(part[block.rows])
            else:
                torch.index_select(part, 0, self.order.reversal[block.rows], out=rows)

    def before(self, states: Tensor, block: Block) -> Tensor:
        """A block's states one frame earlier, [directions, rows, n]; zeros before the first."""
        first, rows = self.order.first, block.rows
        none = states.new_zeros(len(states), max(0, first - rows.start), states.shape[2])
        places = self.order.previous[max(0, rows.start - first) : rows.stop - first]
        return torch.cat([none, states.index_select(1, places)], dim=1)

    def add_recurrent_gradient(self, total: Tensor, of_sums: Tensor, before: Tensor) -> None:
        """A block's share: of the gradient of U h, and h a frame earlier."""
        if self.kind == total.dtype:
            for own, of, earlier in zip(total, of_sums, before, strict=True):
                own.addmm_(of.T, earlier)
        else:
            low = torch.bmm(lowered(of_sums, self.kind).mT, lowered(before, self.kind))
            total.add_(low)


def _blocks(sizes: tuple[int, ...]) -> Iterator[Block]:
    frame = row = rows = earlier = 0
    for number, size in enumerate(sizes, start=1):
        rows += size
        if rows - row >= BLOCK_ROWS or number == len(sizes):
            yield Block(slice(row, rows), list(sizes[frame:number]), earlier)
            frame, row, earlier = number, rows, size
