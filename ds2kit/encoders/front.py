"""The convolutions of Deep Speech 2: the paper's table, and numbers of one's own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from torch import nn

from ds2kit.encoders.convolution import Convolution
from ds2kit.encoders.stack import wrong_choice

Convolutions = Literal["1x1d", "2x1d", "3x1d", "1x2d", "2x2d", "3x2d"]


@dataclass(frozen=True)
class Front:
    """The convolutions of a network, a number for each; no frequencies where they are 1D."""

    channels: list[int]
    time_kernels: list[int]
    time_strides: list[int]
    frequency_kernels: list[int] | None = None
    frequency_strides: list[int] | None = None


PRESETS: dict[str, Front] = {
    "1x1d": Front([1280], [11], [2]),
    "2x1d": Front([640, 640], [5, 5], [1, 2]),
    "3x1d": Front([512, 512, 512], [5, 5, 5], [1, 1, 2]),
    "1x2d": Front([32], [11], [2], [41], [2]),
    "2x2d": Front([32, 32], [11, 11], [2, 1], [41, 21], [2, 2]),
    "3x2d": Front([32, 32, 96], [11, 11, 11], [2, 1, 1], [41, 21, 21], [2, 2, 2]),
}
"""The paper's table of convolutions."""


def convolutions_of(front: Front, input_size: int, batch_norm: bool) -> nn.ModuleList:
    """The layers, each fitting the one before."""
    count = len(front.channels)
    # 1D is 2D over a single frequency, whose channels are all the features.
    frequencies, channels = (input_size, 1) if front.frequency_kernels else (1, input_size)
    frequency_kernels = front.frequency_kernels or [1] * count
    frequency_strides = front.frequency_strides or [1] * count
    stack = nn.ModuleList()
    for number in range(count):
        layer = Convolution(
            frequencies,
            channels,
            front.channels[number],
            kernel=(front.time_kernels[number], frequency_kernels[number]),
            stride=(front.time_strides[number], frequency_strides[number]),
            batch_norm=batch_norm,
            boundary=math.prod(front.time_strides[number:]),
        )
        frequencies, channels = layer.output_frequencies, layer.output_channels
        stack.append(layer)
    return stack


def front_of(convolutions: str, **given: list[int] | None) -> Front:
    """The preset's numbers, or those given instead; the default's where there is no such preset."""
    chosen = {name: numbers for name, numbers in given.items() if numbers is not None}
    return replace(PRESETS.get(convolutions, PRESETS["2x2d"]), **chosen)


def wrong_front(convolutions: str, front: Front) -> Iterator[str]:
    """What is wrong with the numbers of the convolutions, each named."""
    if convolutions not in PRESETS:
        yield from wrong_choice("convolutions", convolutions, tuple(PRESETS))
        return
    for name, values in vars(front).items():
        if values is None:
            continue
        if convolutions.endswith("1d") and name.startswith("frequency"):
            yield f"{name} is {values}, but {convolutions} convolves time alone; leave it out"
        elif len(values) != int(convolutions[0]):
            yield f"{name} is {values}; {convolutions} takes {convolutions[0]} of them"
        elif any(value < 1 for value in values):
            yield f"{name} is {values}; each is at least 1"
        elif name.endswith("kernels") and any(value % 2 == 0 for value in values):
            yield f"{name} is {values}; kernels are odd, so that they have a centre"
