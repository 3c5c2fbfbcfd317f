"""The arithmetic of lengths: integers only, and the one source of every length and mask.

Each function takes an int or an int64 tensor and gives the same.
"""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor

Length = TypeVar("Length", int, Tensor)


def windows(length: Length, size: int, step: int) -> Length:
    """Whole windows of `size` that fit into `length`, one every `step`; 0 where none does."""
    count = (length - size) // step + 1
    return max(count, 0) if isinstance(count, int) else count.clamp(min=0)


def convolved(length: Length, kernel: int, stride: int) -> Length:
    """Frames that a convolution with `reach(kernel)` zeros on both sides gives.

    floor((length + 2 * reach - kernel) / stride) + 1, so that nothing gives nothing.
    """
    return windows(length + 2 * reach(kernel), kernel, stride)


def reach(kernel: int) -> int:
    """Frames that an odd kernel sees on either side of its centre."""
    return (kernel - 1) // 2
