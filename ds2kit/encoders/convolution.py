"""Convolutions over time, and over frequency as well."""

from __future__ import annotations

import math

from torch import Tensor, nn

from ds2kit.encoders.activation import clipped_relu
from ds2kit.encoders.geometry import Length, convolved, reach
from ds2kit.encoders.image import Image, convolve
from ds2kit.encoders.normalisation import SequenceBatchNorm
from ds2kit.encoders.products import product_type
from ds2kit.encoders.streaming import StreamingLayer, last, where_valid
from ds2kit.types import Chunk, Padded


class Convolution(StreamingLayer):
    """f(B(W * x)): a convolution, sequence-wise batch norm per channel, clipped ReLU.

    [batch, time, frequencies * channels] to [batch, time', frequencies' * channels'], where time'
    and frequencies' are `geometry.convolved`. The channels of a frequency stand side by side, so a
    spectrogram is one channel. With one frequency, whose channels are all features, it is a 1D
    convolution over time. Outside the utterance there are zeros, whatever the padding holds.

    Parameters: convolution.weight [channels', channels, time kernel, frequency kernel];
    convolution.bias [channels'] or norm's.
    """

    def __init__(
        self,
        frequencies: int,
        channels: int,
        output_channels: int,
        *,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        batch_norm: bool = True,
        boundary: int = 1,
    ) -> None:
        """kernel, stride: of time and of frequency; kernels are odd.

        boundary: input frames; the delay of a stream is rounded up to whole ones, so that the
            layers after this one begin with a whole stride too
        """
        super().__init__()
        self.frequencies, self.channels = frequencies, channels
        self.convolution = nn.Conv2d(
            channels,
            output_channels,
            kernel,
            stride,
            padding=(reach(kernel[0]), reach(kernel[1])),
            bias=not batch_norm,
        )
        nn.init.kaiming_normal_(self.convolution.weight, nonlinearity="relu")
        if self.convolution.bias is not None:
            nn.init.zeros_(self.convolution.bias)
        self.norm = SequenceBatchNorm(output_channels) if batch_norm else None
        self.stride, self.time_kernel, self.time_stride = stride, kernel[0], stride[0]
        self.delay = math.ceil(reach(kernel[0]) / boundary) * boundary
        self.output_channels = output_channels
        self.output_frequencies = convolved(frequencies, kernel[1], stride[1])
        self.output_size = self.output_frequencies * output_channels

    @property
    def operations(self) -> int:
        return super().operations * self.output_frequencies

    def output_lengths(self, lengths: Length) -> Length:
        """Output frames for so many input frames."""
        return convolved(lengths, self.time_kernel, self.time_stride)

    def forward(self, frames: Padded) -> Padded:
        image = Image.of(frames, self.time_kernel, self.time_stride)
        maps = self._convolve(image.lay(frames.values)[None])[0]
        rows = self._finish(image.outputs(maps))
        return Padded(image.padded(rows), self.output_lengths(frames.lengths))

    def initial_state(self, streams: int) -> Chunk:
        time, features = self.delay + reach(self.time_kernel), self.frequencies * self.channels
        return Chunk.void(self, streams, time, features)

    def step(self, chunk: Chunk, state: Chunk) -> tuple[Chunk, Chunk]:
        heard, time = state.then(chunk), chunk.valid.shape[1]
        edge = reach(self.time_kernel)
        window = heard.values[:, : time - self.time_stride + self.time_kernel]
        maps = self._convolve(window)
        # An output is somebody's where the input at its centre is.
        centre = heard.valid[:, edge : edge + time : self.time_stride]
        output = self._finish(maps.flatten(0, 1)).reshape(*centre.shape, -1)
        return where_valid(output, centre), last(heard, self.delay + edge)

    def _convolve(self, image: Tensor) -> Tensor:
        """[batch, time, features] to [batch, time', features'], where whole kernels fit."""
        weight, bias = self.convolution.weight, self.convolution.bias
        spectra = image.reshape(*image.shape[:2], self.frequencies, self.channels)
        maps = convolve(spectra, weight, self.stride, product_type(image)).flatten(2)
        return maps if bias is None else maps + bias.repeat(self.output_frequencies)

    def _finish(self, rows: Tensor) -> Tensor:
        maps = rows.reshape(len(rows), self.output_frequencies, self.output_channels)
        if self.norm is not None:
            maps = self.norm.rows(maps)
        return clipped_relu(maps).flatten(1)
