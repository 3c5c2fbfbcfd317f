"""Deep Speech 2 (Amodei et al. 2015, arXiv 1512.02595)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from torch import Tensor, nn

from ds2kit.components import Encoder
from ds2kit.encoders.activation import Activation
from ds2kit.encoders.convolution import Convolution
from ds2kit.encoders.fully_connected import FullyConnected
from ds2kit.encoders.recurrence import Cell, Recurrence
from ds2kit.encoders.row_convolution import RowConvolution
from ds2kit.errors import Problems, close_name
from ds2kit.types import Padded

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


class DeepSpeech2(Encoder):
    """Convolutions, recurrent layers, a row convolution where asked for, fully connected layers.

    [batch, time, input_size] to [batch, time / stride rounded up, width]

    convolutions: how many, over time (1d) or time and frequency (2d), with the paper's numbers
    channels, time_kernels, time_strides, frequency_kernels, frequency_strides: a number for each
        convolution instead of the paper's; kernels are odd
    cell, activation: gated or simple recurrent units; what they rectify with
    width, layers: units of each recurrent and fully connected layer; recurrent layers, 1 to 7
    bidirectional: sum both directions; else forward only, as streaming needs
    lookahead: output frames that a row convolution above the recurrent layers sees ahead; 0: none
    batch_norm: sequence-wise batch norm in every layer but the row convolution
    fully_connected: hidden layers between the recurrent and the output layer
    """

    def __init__(
        self,
        input_size: int,
        *,
        convolutions: Convolutions = "2x2d",
        channels: list[int] | None = None,
        frequency_kernels: list[int] | None = None,
        time_kernels: list[int] | None = None,
        frequency_strides: list[int] | None = None,
        time_strides: list[int] | None = None,
        cell: Cell = "gru",
        activation: Activation = "clipped_relu",
        width: int = 640,
        layers: int = 5,
        bidirectional: bool = True,
        lookahead: int = 0,
        batch_norm: bool = True,
        fully_connected: int = 1,
    ) -> None:
        super().__init__()
        front = _front(
            convolutions,
            channels=channels,
            time_kernels=time_kernels,
            time_strides=time_strides,
            frequency_kernels=frequency_kernels,
            frequency_strides=frequency_strides,
        )
        problems = [
            *_wrong_choices(convolutions=convolutions, cell=cell, activation=activation),
            *_wrong_front(convolutions, front),
            *_out_of_range("width", width, 1),
            *_out_of_range("layers", layers, 1, 7),
            *_out_of_range("lookahead", lookahead, 0),
            *_out_of_range("fully_connected", fully_connected, 0),
            *_needless_lookahead(lookahead, bidirectional),
        ]
        if problems:
            raise Problems("deepspeech2", problems)
        self.input_size, self.output_size = input_size, width
        self.stride = math.prod(front.time_strides)
        self.convolutions = _convolutions(input_size, front, batch_norm)
        self.recurrences = nn.ModuleList(
            Recurrence(size, width, cell, activation, bidirectional, batch_norm)
            for size in (_output_size(self.convolutions), *[width] * (layers - 1))
        )
        self.row_convolution = RowConvolution(width, lookahead) if lookahead else None
        self.fully_connected = nn.ModuleList(
            FullyConnected(width, width, batch_norm=batch_norm) for _ in range(fully_connected)
        )

    def stages(self) -> Iterator[tuple[str, nn.Module]]:
        """The layers in order, each with its name; each takes and gives a `Padded`."""
        for number, layer in enumerate(self.convolutions, start=1):
            yield f"convolution {number}", layer
        for number, layer in enumerate(self.recurrences, start=1):
            yield f"recurrent {number}", layer
        if self.row_convolution is not None:
            yield "row convolution", self.row_convolution
        for number, layer in enumerate(self.fully_connected, start=1):
            yield f"fully connected {number}", layer

    def forward(self, frames: Padded) -> Padded:
        for _, layer in self.stages():
            frames = layer(frames)
        return frames

    def output_lengths(self, lengths: Tensor) -> Tensor:
        for layer in self.convolutions:
            lengths = cast(Convolution, layer).output_lengths(lengths)
        return lengths


def _output_size(convolutions: nn.ModuleList) -> int:
    return cast(Convolution, convolutions[-1]).output_size


def _convolutions(input_size: int, front: Front, batch_norm: bool) -> nn.ModuleList:
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
        )
        frequencies, channels = layer.output_frequencies, layer.output_channels
        stack.append(layer)
    return stack


def _front(convolutions: str, **given: list[int] | None) -> Front:
    """The preset's numbers, or those given instead; the default's where there is no such preset."""
    chosen = {name: numbers for name, numbers in given.items() if numbers is not None}
    return replace(PRESETS.get(convolutions, PRESETS["2x2d"]), **chosen)


def _wrong_choices(*, convolutions: str, cell: str, activation: str) -> Iterator[str]:
    for name, value, kind in (
        ("convolutions", convolutions, Convolutions),
        ("cell", cell, Cell),
        ("activation", activation, Activation),
    ):
        if value not in get_args(kind):
            known = get_args(kind)
            yield f"{name} is {value!r}; it takes {', '.join(known)}{close_name(value, known)}"


def _out_of_range(name: str, value: int, least: int, most: int | None = None) -> Iterator[str]:
    if value < least or (most is not None and value > most):
        limits = f"at least {least}" if most is None else f"{least} to {most}"
        yield f"{name} is {value}; it takes {limits}"


def _needless_lookahead(lookahead: int, bidirectional: bool) -> Iterator[str]:
    if lookahead > 0 and bidirectional:
        yield (
            f"lookahead is {lookahead} and bidirectional is true; both directions hear the whole "
            "future already: set bidirectional to false or leave lookahead out"
        )


def _wrong_front(convolutions: str, front: Front) -> Iterator[str]:
    """What is wrong with the numbers of the convolutions, each named."""
    if convolutions not in PRESETS:
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
