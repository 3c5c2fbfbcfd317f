"""The layers of Deep Speech 2 above its convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from torch import nn

from ds2kit.encoders.activation import Activation
from ds2kit.encoders.cells import CELLS, CellName
from ds2kit.encoders.fully_connected import FullyConnected
from ds2kit.encoders.recurrence import Recurrence
from ds2kit.encoders.row_convolution import RowConvolution
from ds2kit.errors import close_name


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
