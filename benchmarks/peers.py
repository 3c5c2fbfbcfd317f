"""The same network as others build it: torch.nn's recurrences, packed or padded.

As in SeanNaren/deepspeech.pytorch: convolutions over the padded batch with the padding cleared
after each, batch norm over padding and all, and in front of the recurrence instead of inside. Two
things are kinder to it here: the mask is made without a loop, and once a layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from network import VOCABULARY, ConvolutionShape, Network
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ds2kit.encoders.geometry import convolved, reach
from ds2kit.types import Padded

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}


class Peer(nn.Module):
    """[batch, time, features] to log-probabilities [batch, time', vocabulary].

    packed: the reverse direction begins at an utterance's end; else it reads the padding first
    """

    def __init__(self, network: Network, *, packed: bool) -> None:
        super().__init__()
        self.image, self.shapes = network.image, network.convolutions
        self.convolutions = nn.ModuleList(_convolution(shape) for shape in self.shapes)
        width, layers = network.options["width"], network.options["layers"]
        sizes = [self.shapes[-1].output_size, *[width] * layers]
        self.recurrences = nn.ModuleList(
            _Recurrence(size, following, network, packed) for size, following in pairwise(sizes)
        )
        self.output = nn.Linear(width, VOCABULARY)

    def stages(self) -> Iterator[tuple[str, nn.Module]]:
        """The layers below the output, each with its name."""
        for number, layer in enumerate(self.convolutions, start=1):
            yield f"convolution {number}", layer
        for number, layer in enumerate(self.recurrences, start=1):
            yield f"recurrent {number}", layer

    def classify(self, frames: Padded) -> Padded:
        lengths = frames.lengths
        image = frames.values.transpose(1, 2).unflatten(1, self.image)
        for layer, shape in zip(self.convolutions, self.shapes, strict=True):
            image = layer(image)
            lengths = convolved(lengths, shape.kernel[0], shape.stride[0])
            void = torch.arange(image.shape[3], device=image.device) >= lengths[:, None]
            image = image.masked_fill(void[:, None, None], 0)
        hidden = image.flatten(1, 2).permute(2, 0, 1).contiguous()
        for recurrence in self.recurrences:
            hidden = recurrence(hidden, lengths)
        logits: Tensor = self.output(hidden).transpose(0, 1)
        return Padded(logits.float().log_softmax(dim=-1), lengths)


class _Recurrence(nn.Module):
    """[time, batch, input_size] to [time, batch, width], the directions summed."""

    def __init__(self, input_size: int, width: int, network: Network, packed: bool) -> None:
        super().__init__()
        cell, activation = network.options["cell"], network.options["activation"]
        self.width, self.packed = width, packed
        self.norm = nn.BatchNorm1d(input_size)
        self.cell = CELLS[cell](
            input_size,
            width,
            bidirectional=network.options["bidirectional"],
            **({"nonlinearity": activation.removeprefix("clipped_")} if cell == "rnn" else {}),
        )

    def forward(self, hidden: Tensor, lengths: Tensor) -> Tensor:
        hidden = self.norm(hidden.flatten(0, 1)).reshape(hidden.shape)
        if self.packed:
            packed, _ = self.cell(pack_padded_sequence(hidden, lengths.cpu()))
            hidden, _ = pad_packed_sequence(packed)
        else:
            hidden, _ = self.cell(hidden)
        return hidden.unflatten(2, (-1, self.width)).sum(dim=2)


def _convolution(shape: ConvolutionShape) -> nn.Sequential:
    """[batch, channels, frequencies, time] to the same."""
    time, frequency = shape.kernel
    return nn.Sequential(
        nn.Conv2d(
            shape.channels,
            shape.output_channels,
            (frequency, time),
            (shape.stride[1], shape.stride[0]),
            padding=(reach(frequency), reach(time)),
        ),
        nn.BatchNorm2d(shape.output_channels),
        nn.Hardtanh(0.0, 20.0, inplace=True),
    )
