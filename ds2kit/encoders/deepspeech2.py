"""Deep Speech 2 (Amodei et al. 2015, arXiv 1512.02595)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, cast

from torch import Tensor

from ds2kit.components import StreamingEncoder
from ds2kit.encoders.architecture import (
    Convolutions,
    Stack,
    convolutions_of,
    front_of,
    out_of_range,
    wrong_front,
)
from ds2kit.encoders.cells import Activation, CellName
from ds2kit.encoders.layers import Convolution, StreamingLayer
from ds2kit.errors import Problems, UserError
from ds2kit.types import Chunk, Padded, State


class DeepSpeech2(StreamingEncoder):
    """Convolutions, recurrent layers, a row convolution where asked for, fully connected layers.

    [batch, time, input_size] to [batch, time / stride rounded up, width]

    convolutions: how many, over time (1d) or time and frequency (2d), with the paper's numbers
    channels, time_kernels, time_strides, frequency_kernels, frequency_strides: a number for each
        convolution instead of the paper's; kernels are odd
    cell, activation: gated or simple recurrent units, or long short-term memory; what they
        rectify with
    width, layers: units of each recurrent and fully connected layer; recurrent layers, 1 to 7
    parameters: how many the encoder is to have, where `width` is `auto`: the width that comes
        closest is taken
    bidirectional: sum both directions; else forward only, as streaming needs
    shared_input: both directions of a layer take the same product of its input, as in the paper
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
        cell: CellName = "gru",
        activation: Activation = "clipped_relu",
        width: int | Literal["auto"] = 640,
        parameters: float | None = None,
        layers: int = 5,
        bidirectional: bool = True,
        shared_input: bool = True,
        lookahead: int = 0,
        batch_norm: bool = True,
        fully_connected: int = 1,
    ) -> None:
        super().__init__()
        front = front_of(
            convolutions,
            channels=channels,
            time_kernels=time_kernels,
            time_strides=time_strides,
            frequency_kernels=frequency_kernels,
            frequency_strides=frequency_strides,
        )
        stack = Stack(
            layers,
            cell,
            activation,
            bidirectional,
            shared_input,
            lookahead,
            batch_norm,
            fully_connected,
        )
        problems = [*wrong_front(convolutions, front), *_wrong_size(width, parameters)]
        if problems := [*problems, *stack.problems()]:
            raise Problems("deepspeech2", problems)
        self.convolutions = convolutions_of(front, input_size, batch_norm)
        self.bidirectional, self.stride = bidirectional, math.prod(front.time_strides)
        self._build(input_size, stack, self._width(stack, parameters) if width == "auto" else width)

    def _build(self, input_size: int, stack: Stack, width: int) -> None:
        self.input_size, self.output_size = input_size, width
        self.recurrences = stack.recurrent_layers(self._convolved_size(), width)
        self.row_convolution = stack.row_convolution(width)
        self.fully_connected = stack.fully_connected_layers(width)
        self.delay = sum(delay for _, delay in self.delays())

    def _width(self, stack: Stack, parameters: float | None) -> int:
        """The width that makes so many parameters of all layers together."""
        convolutions = sum(own.numel() for own in self.convolutions.parameters())
        left = (parameters or 0) - convolutions
        least = stack.parameters(self._convolved_size(), 1)
        if left < least:
            found = f"parameters is {parameters:g}; "
            raise UserError(
                f"deepspeech2: {found}these layers have at least {convolutions + least}"
            )
        return stack.width_for(self._convolved_size(), left)

    def _convolved_size(self) -> int:
        return cast(Convolution, self.convolutions[-1]).output_size

    def stages(self) -> Iterator[tuple[str, StreamingLayer]]:
        """The layers in order, each with its name; each takes and gives a `Padded`."""
        for kind, layers in (
            ("convolution", self.convolutions),
            ("recurrent", self.recurrences),
            ("row convolution", [self.row_convolution] if self.row_convolution else []),
            ("fully connected", self.fully_connected),
        ):
            for number, layer in enumerate(layers, start=1):
                name = kind if kind == "row convolution" else f"{kind} {number}"
                yield name, cast(StreamingLayer, layer)

    def forward(self, frames: Padded) -> Padded:
        for _, layer in self.stages():
            frames = layer(frames)
        return frames

    def delays(self) -> Iterator[tuple[str, int]]:
        """The layers' names with the input frames of the encoder that each waits for."""
        stride = 1
        for name, layer in self.stages():
            yield name, layer.delay * stride
            stride *= layer.time_stride if isinstance(layer, Convolution) else 1

    def initial_state(self, streams: int) -> State:
        if self.bidirectional:
            raise UserError(
                "deepspeech2 with bidirectional: true hears an utterance from both ends and cannot "
                "stream; train one with bidirectional: false (and a lookahead)"
            )
        if self.training:
            raise UserError("deepspeech2 streams in evaluation only; call eval() on the model")
        return [layer.initial_state(streams) for _, layer in self.stages()]

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        following = []
        for (_, layer), own in zip(self.stages(), state, strict=True):
            chunk, own = layer.step(chunk, own)
            following.append(own)
        return chunk, following

    def output_lengths(self, lengths: Tensor) -> Tensor:
        for layer in self.convolutions:
            lengths = cast(Convolution, layer).output_lengths(lengths)
        return lengths


def _wrong_size(width: int | str, parameters: float | None) -> Iterator[str]:
    if isinstance(width, int):
        yield from out_of_range("width", width, 1)
        if parameters is not None:
            yield f"parameters is {parameters:g} and width {width}; for that, set width to auto"
    elif parameters is None:
        yield "width is auto; say how many parameters there are to be, as parameters: 38e6"
