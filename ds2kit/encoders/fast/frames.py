"""The loops over the frames of a block, one product and a few elementwise operations each.

They are written so that torch's own interpreter can run them (TorchScript): without Python's there
is nothing between two operations, and the loops of two directions run beside each other, which
Python's lock would not let them. Where torch cannot, they are Python, and give the same.

Buffers are [directions, rows, ...] of a block; `sizes` are the rows of each of its frames.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ds2kit.encoders.fast.products import add_product


def compiles() -> bool:
    """Whether torch's own interpreter takes these loops."""
    return compiled(rnn_ahead) is not None


@cache
def compiled(loop: Callable[..., Any]) -> Callable[..., Any] | None:
    """A loop for torch's own interpreter; None where this torch has none that takes it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            script: Callable[..., Any] = torch.jit.script(loop)
    except Exception:  # whatever it is that this torch lacks
        return None
    return script


def fastest(loop: Callable[..., Any]) -> Callable[..., Any]:
    """The loop as torch runs it, or as it stands here."""
    return compiled(loop) or loop


def activate(values: Tensor, tanh: bool) -> None:
    """Apply an activation, tanh or the clipped rectifier, in place; autograd does not see it."""
    if tanh:
        torch.tanh_(values)
    else:
        values.clamp_(0.0, 20.0)  # CLIP; TorchScript knows no constants of a module


def rnn_ahead(
    states: Tensor, before: Tensor, sizes: list[int], tanh: bool, matrix: list[Tensor], mode: int
) -> None:
    """V in `states` becomes h. before: h of the frame before the block"""
    start = 0
    for size in sizes:
        state = states.narrow(1, start, size)
        add_product(state, before.narrow(1, 0, size), matrix, mode)
        activate(state, tanh)
        before = state
        start += size


def rnn_back(
    of_states: Tensor,
    slopes: Tensor,
    row: int,
    sizes: list[int],
    before: int,
    matrix: list[Tensor],
    mode: int,
) -> None:
    """The gradient of h becomes that of V, frame by frame backwards.

    of_states: of all blocks; this one's begins at `row`, after a frame of `before` rows
    slopes: of the activation
    """
    stop = slopes.shape[1]
    for back in range(1, len(sizes) + 1):
        size = sizes[-back]
        start = stop - size
        state = of_states.narrow(1, row + start, size)
        state.mul_(slopes.narrow(1, start, size))
        earlier = sizes[-back - 1] if back < len(sizes) else before
        if earlier > 0:
            add_product(of_states.narrow(1, row + start - earlier, size), state, matrix, mode)
        stop = start


def gru_ahead(
    sums: Tensor,
    candidates: Tensor,
    states: Tensor,
    before: Tensor,
    sizes: list[int],
    tanh: bool,
    matrix: list[Tensor],
    mode: int,
) -> None:
    """V's gates in `sums` become z and r, its third nothing becomes Ug h; Vg in `candidates`
    becomes g; `states` becomes h. before: h of the frame before the block
    """
    start, width = 0, states.shape[2]
    for size in sizes:
        total, g = sums.narrow(1, start, size), candidates.narrow(1, start, size)
        before = before.narrow(1, 0, size)
        add_product(total, before, matrix, mode)
        total.narrow(2, 0, 2 * width).sigmoid_()
        activate(g.addcmul_(total.narrow(2, width, width), total.narrow(2, 2 * width, width)), tanh)
        state = states.narrow(1, start, size)
        torch.lerp(before, g, total.narrow(2, 0, width), out=state)
        before = state
        start += size


def gru_back(
    of_states: Tensor,
    of_sums: Tensor,
    keep: Tensor,
    row: int,
    sizes: list[int],
    before: int,
    matrix: list[Tensor],
    mode: int,
) -> None:
    """Coefficients in `of_sums` become the gradients of the three sums; adds to those of h.

    of_states, row, before: as in `rnn_back`
    keep: 1 - z
    """
    stop, width = keep.shape[1], keep.shape[2]
    for back in range(1, len(sizes) + 1):
        size = sizes[-back]
        start = stop - size
        state, total = of_states.narrow(1, row + start, size), of_sums.narrow(1, start, size)
        total.view(total.shape[0], size, 3, width).mul_(state.unsqueeze(2))
        earlier = sizes[-back - 1] if back < len(sizes) else before
        if earlier > 0:
            of_earlier = of_states.narrow(1, row + start - earlier, size)
            of_earlier.addcmul_(state, keep.narrow(1, start, size))
            add_product(of_earlier, total, matrix, mode)
        stop = start


def lstm_ahead(
    sums: Tensor,
    memories: Tensor,
    states: Tensor,
    before: Tensor,
    remembered: Tensor,
    sizes: list[int],
    tanh: bool,
    matrix: list[Tensor],
    mode: int,
) -> None:
    """V in `sums` becomes o, i, j and g; `memories` becomes c, `states` h.

    before, remembered: h and c of the frame before the block
    """
    start, width = 0, states.shape[2]
    for size in sizes:
        total = sums.narrow(1, start, size)
        add_product(total, before.narrow(1, 0, size), matrix, mode)
        total.narrow(2, 0, 3 * width).sigmoid_()
        g = total.narrow(2, 3 * width, width)
        activate(g, tanh)
        memory, state = memories.narrow(1, start, size), states.narrow(1, start, size)
        torch.mul(remembered.narrow(1, 0, size), total.narrow(2, 2 * width, width), out=memory)
        memory.addcmul_(total.narrow(2, width, width), g)
        activate(state.copy_(memory), tanh)
        state.mul_(total.narrow(2, 0, width))
        before, remembered = state, memory
        start += size


def lstm_back(
    of_states: Tensor,
    of_sums: Tensor,
    of_memory: Tensor,
    forget: Tensor,
    to_memory: Tensor,
    row: int,
    sizes: list[int],
    before: int,
    matrix: list[Tensor],
    mode: int,
) -> None:
    """Coefficients in `of_sums` become the gradients of the four sums; adds to those of h.

    of_states, row, before: as in `rnn_back`
    of_memory: [directions, utterances, n] the gradient of c from later frames, 0 where there is
        none; becomes that for the frame before the block
    forget: j
    to_memory: what the gradient of h is times, to be added to that of c
    """
    stop, width = forget.shape[1], forget.shape[2]
    for back in range(1, len(sizes) + 1):
        size = sizes[-back]
        start = stop - size
        state, total = of_states.narrow(1, row + start, size), of_sums.narrow(1, start, size)
        memory = of_memory.narrow(1, 0, size)
        memory.addcmul_(state, to_memory.narrow(1, start, size))
        gates = total.view(total.shape[0], size, 4, width)
        gates.narrow(2, 0, 1).mul_(state.unsqueeze(2))
        gates.narrow(2, 1, 3).mul_(memory.unsqueeze(2))
        earlier = sizes[-back - 1] if back < len(sizes) else before
        if earlier > 0:
            of_earlier = of_states.narrow(1, row + start - earlier, size)
            add_product(of_earlier, total, matrix, mode)
        memory.mul_(forget.narrow(1, start, size))
        stop = start
