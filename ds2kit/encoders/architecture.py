"""Which layers a Deep Speech 2 network has: its options checked, its layers made and counted.

`Front` is the convolutions, by the paper's table or numbers of one's own; `Stack` what stands
above them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

from torch import nn

from ds2kit.encoders.cells import CELLS, Activation, CellName
from ds2kit.encoders.layers import Convolution, FullyConnected, Recurrence, RowConvolution
from ds2kit.errors import close_name

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


@dataclass(frozen=True)
class Stack:
    """Recurrent layers, a row convolution where asked for, fully connected layers.

    Its options are deepspeech2's, all but the width.
    """

    layers: int
    cell: CellName
    activation: Activation
    bidirectional: bool
    shared_input: bool
    lookahead: int
    batch_norm: bool
    fully_connected: int

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, each named."""
        yield from wrong_choice("cell", self.cell, get_args(CellName))
        yield from wrong_choice("activation", self.activation, get_args(Activation))
        yield from out_of_range("layers", self.layers, 1, 7)
        yield from out_of_range("lookahead", self.lookahead, 0)
        yield from out_of_range("fully_connected", self.fully_connected, 0)
        if self.lookahead > 0 and self.bidirectional:
            yield (
                f"lookahead is {self.lookahead} and bidirectional is true; both directions hear "
                "the whole future already: set bidirectional to false or leave lookahead out"
            )

    def recurrent_layers(self, input_size: int, width: int) -> nn.ModuleList:
        return nn.ModuleList(
            Recurrence(
                size,
                width,
                self.cell,
                self.activation,
                bidirectional=self.bidirectional,
                shared_input=self.shared_input,
                batch_norm=self.batch_norm,
            )
            for size in (input_size, *[width] * (self.layers - 1))
        )

    def row_convolution(self, width: int) -> RowConvolution | None:
        return RowConvolution(width, self.lookahead) if self.lookahead else None

    def fully_connected_layers(self, width: int) -> nn.ModuleList:
        return nn.ModuleList(
            FullyConnected(width, width, batch_norm=self.batch_norm)
            for _ in range(self.fully_connected)
        )

    def parameters(self, input_size: int, width: int) -> int:
        """How many all of these layers have."""
        directions = 2 if self.bidirectional else 1
        gates = CELLS[self.cell].gates * width
        projected = gates * (1 if self.shared_input else directions)
        inputs = projected * (input_size + (self.layers - 1) * width)
        recurrent = self.layers * directions * gates * width
        units = self.layers * projected + self.fully_connected * width
        offsets = units * (2 if self.batch_norm else 1)
        ahead = width * (self.lookahead + 1) if self.lookahead else 0
        return inputs + recurrent + offsets + ahead + self.fully_connected * width**2

    def width_for(self, input_size: int, parameters: float) -> int:
        """The width whose number of parameters comes closest; at least 1."""
        width = 1
        while self.parameters(input_size, width + 1) <= parameters:
            width += 1
        fewer = parameters - self.parameters(input_size, width)
        more = self.parameters(input_size, width + 1) - parameters
        return width + 1 if more < fewer else width


def wrong_choice(name: str, value: str, known: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with an option that is one of a few names."""
    if value not in known:
        yield f"{name} is {value!r}; it takes {', '.join(known)}{close_name(value, known)}"


def out_of_range(name: str, value: int, least: int, most: int | None = None) -> Iterator[str]:
    """What is wrong with a number that has limits."""
    if value < least or (most is not None and value > most):
        limits = f"at least {least}" if most is None else f"{least} to {most}"
        yield f"{name} is {value}; it takes {limits}"
