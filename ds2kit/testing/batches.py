"""Batches for contracts: the same utterances, joined with any amount and content of padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from ds2kit.types import Padded

Filling = Literal["zeros", "noise", "infinity", "NaN"]
"""What the padding holds."""


def utterances(lengths: Sequence[int], features: int, *, seed: int = 0) -> list[Tensor]:
    """Random frames for each length: [length, features] float64."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(length, features) for length in lengths]
    return [torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes]


def join(items: Sequence[Tensor], *, extra: int = 0, filling: Filling = "zeros") -> Padded:
    """The items padded to the longest of them and `extra` frames beyond it, to one at least.

    A batch without any time is nobody's duty: a kernel need not fit into it.

    items: each [time, ...]
    """
    lengths = torch.tensor([len(item) for item in items])
    time = max(int(lengths.max()) + extra, 1)
    values = _filled((len(items), time, *items[0].shape[1:]), items[0].dtype, filling)
    for row, item in enumerate(items):
        values[row, : len(item)] = item
    return Padded(values, lengths)


def split(batch: Padded) -> list[Tensor]:
    """What `join` joined: the valid frames of each item."""
    return [row[:length] for row, length in zip(batch.values, batch.lengths.tolist(), strict=True)]


def _filled(shape: tuple[int, ...], dtype: torch.dtype, filling: Filling) -> Tensor:
    if filling == "noise":
        generator = torch.Generator().manual_seed(1)
        return 100 * torch.randn(*shape, generator=generator, dtype=dtype)
    value = {"zeros": 0.0, "infinity": float("inf"), "NaN": float("nan")}[filling]
    return torch.full(shape, value, dtype=dtype)
