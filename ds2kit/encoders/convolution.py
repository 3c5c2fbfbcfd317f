"""Convolutions over time, and over frequency as well."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from ds2kit.encoders.activation import clipped_relu
from ds2kit.encoders.geometry import Length, convolved, reach
from ds2kit.encoders.normalisation import SequenceBatchNorm
from ds2kit.encoders.rows import over_rows
from ds2kit.types import Padded


class Convolution(nn.Module):
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
    ) -> None:
        """kernel, stride: of time and of frequency; kernels are odd."""
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
        self.time_kernel, self.time_stride = kernel[0], stride[0]
        self.output_channels = output_channels
        self.output_frequencies = convolved(frequencies, kernel[1], stride[1])
        self.output_size = self.output_frequencies * output_channels

    def output_lengths(self, lengths: Length) -> Length:
        """Output frames for so many input frames."""
        return convolved(lengths, self.time_kernel, self.time_stride)

    def forward(self, frames: Padded) -> Padded:
        lengths = self.output_lengths(frames.lengths)
        return over_rows(Padded(self._convolve(frames.cleared().values), lengths), self._finish)

    def _convolve(self, values: Tensor) -> Tensor:
        batch, time, _ = values.shape
        image = values.reshape(batch, time, self.frequencies, self.channels).permute(0, 3, 1, 2)
        if time == 0:
            # torch convolves no empty image; one of a void frame keeps the parameters in the graph.
            image = F.pad(image, (0, 0, 0, 1))
        output: Tensor = self.convolution(image)
        output = output.permute(0, 2, 3, 1)[:, : self.output_lengths(time)]
        return output.reshape(batch, self.output_lengths(time), self.output_size)

    def _finish(self, rows: Tensor) -> Tensor:
        maps = rows.reshape(len(rows), self.output_frequencies, self.output_channels)
        if self.norm is not None:
            maps = self.norm.rows(maps)
        return clipped_relu(maps).flatten(1)
