"""The layers of Deep Speech 2, on whole batches and on speech as it arrives.

Each is exact for any padding: what stands in it reaches no output and no gradient.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ds2kit.encoders.cells import CELLS, CLIP, Activation, CellName
from ds2kit.encoders.fast import convolve, convolve_each, linear, normalise, over_rows, recur
from ds2kit.encoders.geometry import Length, convolved, reach
from ds2kit.types import Chunk, Padded, State


class StreamingLayer(nn.Module, ABC):
    """A layer that works on whole batches and, in evaluation, on streams as they arrive.

    The contract is `ds2kit.components.StreamingEncoder`'s; a layer that remembers nothing has the
    empty state.
    """

    delay: int = 0
    """Input frames from a frame to its output."""

    @property
    def operations(self) -> int:
        """Multiplications and additions of an output frame's products."""
        return 2 * sum(own.numel() for own in self.parameters() if own.dim() > 1)

    @abstractmethod
    def forward(self, frames: Padded) -> Padded:
        """[batch, time, features] to [batch, time', features']."""

    def initial_state(self, streams: int) -> State:
        """The state of streams that have heard nothing."""
        return ()

    @abstractmethod
    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        """The next frames of every stream, a whole number of strides."""


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
        weight, bias = self.convolution.weight, self.convolution.bias
        return convolve_each(frames, weight, bias, self.stride, self._finish)

    def initial_state(self, streams: int) -> Chunk:
        time, features = self.delay + reach(self.time_kernel), self.frequencies * self.channels
        return Chunk.void(self, streams, time, features)

    def step(self, chunk: Chunk, state: Chunk) -> tuple[Chunk, Chunk]:
        heard, time = state.then(chunk), chunk.valid.shape[1]
        edge = reach(self.time_kernel)
        window = heard.values[:, : time - self.time_stride + self.time_kernel]
        maps = convolve(window, self.convolution.weight, self.convolution.bias, self.stride)
        # An output is somebody's where the input at its centre is.
        centre = heard.valid[:, edge : edge + time : self.time_stride]
        output = self._finish(maps.flatten(0, 1)).reshape(*centre.shape, -1)
        return where_valid(output, centre), last(heard, self.delay + edge)

    def _finish(self, rows: Tensor) -> Tensor:
        """W * x of frames, [rows, features'], to f(B(W * x))."""
        maps = rows.reshape(len(rows), self.output_frequencies, self.output_channels)
        if self.norm is not None:
            maps = self.norm(maps)
        return clipped_relu(maps).flatten(1)


class Recurrence(StreamingLayer):
    """A recurrent layer, forward only or the sum of both directions.

    [batch, time, input_size] to [batch, time, width], zeros in the padding. A frame's V = B(W x)
    and the output before give its own by the equations in `cells`. Both directions share W, and
    batch normalisation acts on this product alone (Amodei et al. 2015).

    Parameters, with n = width and G gates in the order of `cells`: input.weight [G n, input_size];
    input.bias [G n] or norm's; recurrent [directions, G n, n], forward direction first. Where
    directions do not share their input, it has [directions G n] rows.
    """

    def __init__(
        self,
        input_size: int,
        width: int,
        cell: CellName = "gru",
        activation: Activation = "clipped_relu",
        bidirectional: bool = True,
        shared_input: bool = True,
        *,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        self.cell: CellName = cell
        self.activation: Activation = activation
        directions, gates = 2 if bidirectional else 1, CELLS[cell].gates
        projected = gates * width * (1 if shared_input else directions)
        self.input = nn.Linear(input_size, projected, bias=not batch_norm)
        self.norm = SequenceBatchNorm(projected) if batch_norm else None
        self.recurrent = nn.Parameter(torch.empty(directions, gates * width, width))
        self._initialise()

    def _initialise(self) -> None:
        """Orthogonal recurrent matrices; inputs whose product has unit variance.

        With v = W x of unit variance and an orthogonal U, E[h^2] of the rectified
        h = f(v + U h) settles where q = (1 + q) / 2, at 1: seven layers neither die nor reach the
        clip. Two directions that share v correlate, and their sum has E[h^2] = 3.2; so W is that
        much smaller in a bidirectional stack, which matters only without batch norm. A memory
        begins by keeping most of what it holds: the bias of its forget gate is 1.
        """
        directions, _, width = self.recurrent.shape
        for matrices in self.recurrent.data:
            for matrix in matrices.reshape(-1, width, width):
                nn.init.orthogonal_(matrix)
        power = 3.2 if directions == 2 else 1.0
        nn.init.normal_(self.input.weight, std=(power * self.input.in_features) ** -0.5)
        bias = self.input.bias if self.norm is None else self.norm.bias
        nn.init.zeros_(bias)
        if self.cell == "lstm":
            bias.data.reshape(-1, CELLS["lstm"].gates, width)[:, 2] = 1.0

    def forward(self, frames: Padded) -> Padded:
        return recur(self.cell, frames, self._project, self.recurrent, self.activation)

    def initial_state(self, streams: int) -> Tensor:
        width = self.recurrent.shape[2]
        return self.recurrent.new_zeros(streams, CELLS[self.cell].states * width)

    def step(self, chunk: Chunk, state: Tensor) -> tuple[Chunk, Tensor]:
        step, (recurrent,) = CELLS[self.cell].step, self.recurrent
        projected = self._project(chunk.values.flatten(0, 1)).reshape(*chunk.valid.shape, -1)
        outputs = []
        for frame, valid in zip(projected.unbind(1), chunk.valid.unbind(1), strict=True):
            # Void frames leave the state as it was.
            state = torch.where(
                valid[:, None], step(frame, state, recurrent, self.activation), state
            )
            outputs.append(torch.where(valid[:, None], state[:, : len(recurrent[0])], 0.0))
        return Chunk(torch.stack(outputs, dim=1), chunk.valid), state

    def _project(self, rows: Tensor) -> Tensor:
        """[rows, input_size] to V, [rows, G n]."""
        projected = linear(rows, self.input.weight, self.input.bias)
        return projected if self.norm is None else self.norm(projected)


class RowConvolution(StreamingLayer):
    """r[t, i] = sum over j = 0..lookahead of W[i, j] h[t + j, i]; zero past the utterance's end.

    [batch, time, features] to the same (Wang et al. 2016; Amodei et al. 2015). Parameter weight
    [features, lookahead + 1]. It begins as the identity.
    """

    def __init__(self, features: int, lookahead: int) -> None:
        super().__init__()
        self.delay = lookahead
        weight = torch.zeros(features, lookahead + 1)
        weight[:, 0] = 1.0
        self.weight = nn.Parameter(weight)

    def forward(self, frames: Padded) -> Padded:
        # A batch of no frames is of no length that torch would convolve: one void frame more.
        ahead = F.pad(frames.cleared().values, (0, 0, 0, self.delay + 1))
        return Padded(self._convolve(ahead)[:, : frames.values.shape[1]], frames.lengths)

    def initial_state(self, streams: int) -> Chunk:
        return Chunk.void(self, streams, self.delay, len(self.weight))

    def step(self, chunk: Chunk, state: Chunk) -> tuple[Chunk, Chunk]:
        heard = state.then(chunk)
        first = heard.valid[:, : chunk.valid.shape[1]]
        return where_valid(self._convolve(heard.values), first), last(heard, self.delay)

    def _convolve(self, frames: Tensor) -> Tensor:
        """[batch, time + lookahead, features] to [batch, time, features]."""
        weight = self.weight[:, None]
        return F.conv1d(frames.transpose(1, 2), weight, groups=len(weight)).transpose(1, 2)


class FullyConnected(StreamingLayer):
    """f(B(W x)), frame by frame: a product, sequence-wise batch norm, clipped ReLU.

    [batch, time, input_size] to [batch, time, width]; parameters linear.weight
    [width, input_size]; linear.bias [width] or norm's.
    """

    def __init__(self, input_size: int, width: int, *, batch_norm: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, width, bias=not batch_norm)
        nn.init.kaiming_normal_(self.linear.weight, nonlinearity="relu")
        if self.linear.bias is not None:
            nn.init.zeros_(self.linear.bias)
        self.norm = SequenceBatchNorm(width) if batch_norm else None

    def forward(self, frames: Padded) -> Padded:
        return over_rows(frames, self._rows)

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        rows = self._rows(chunk.values.flatten(0, 1))
        return where_valid(rows.reshape(*chunk.valid.shape, rows.shape[1]), chunk.valid), state

    def _rows(self, rows: Tensor) -> Tensor:
        product = linear(rows, self.linear.weight, self.linear.bias)
        if self.norm is not None:
            product = self.norm(product)
        return clipped_relu(product)


class SequenceBatchNorm(nn.Module):
    """B(x) = gamma (x - mean) / sqrt(var + eps) + beta, per feature, over a batch's valid frames.

    [rows, ..., features] to the same, each row a valid frame; what stands between rows and
    features (the frequencies of a convolution's channels) is averaged over as well. The result is
    float32, or float64 where the input is.

    In training, mean and variance (of the population, not Bessel's) are those of the valid frames
    of all utterances, on all ranks of torch.distributed together, forward and backward: ranks do
    as one process would with the joined batch. A rank without frames takes part. In evaluation
    they are running averages, to which each training batch adds `momentum` of its own; the first
    1 / momentum batches weigh equally, so nothing is left of the initial 0 and 1. A batch without
    a single frame changes nothing (Laurent et al. 2015; Amodei et al. 2015).
    """

    weight: nn.Parameter
    bias: nn.Parameter
    running_mean: Tensor
    running_variance: Tensor
    batches: Tensor

    def __init__(self, features: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_variance", torch.ones(features))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, rows: Tensor) -> Tensor:
        with torch.autocast(rows.device.type, enabled=False):
            flat = rows.reshape(rows[..., 0].numel(), len(self.weight))
            flat = flat.to(torch.promote_types(rows.dtype, torch.float32))
            return self._normalise(flat).reshape(rows.shape)

    def _normalise(self, flat: Tensor) -> Tensor:
        if not self.training:
            scale = self.weight * (self.running_variance + self.eps).rsqrt()
            return torch.addcmul(self.bias, flat - self.running_mean, scale)
        output, count, mean, variance = normalise(flat, self.weight, self.bias, self.eps)
        self._remember(count, mean, variance)
        return output

    @torch.no_grad()
    def _remember(self, count: Tensor, mean: Tensor, variance: Tensor) -> None:
        self.batches += count > 0
        share = (1 / self.batches.clamp(min=1)).clamp(min=self.momentum)
        share = torch.where(count > 0, share, 0.0).to(self.running_mean.dtype)
        self.running_mean.lerp_(mean.to(share.dtype), share)
        self.running_variance.lerp_(variance.to(share.dtype), share)


def clipped_relu(values: Tensor) -> Tensor:
    """min(max(x, 0), 20), written over `values`."""
    return F.hardtanh(values, 0.0, CLIP, inplace=True)


def last(chunk: Chunk, time: int) -> Chunk:
    """The last frames, to be remembered."""
    return chunk.cut(chunk.valid.shape[1] - time)[1]


def where_valid(values: Tensor, valid: Tensor) -> Chunk:
    """Outputs [streams, time, features] where they are somebody's, zeros elsewhere: void frames
    are the edges of what the next layer sees, and a bias must not stand in them."""
    return Chunk(torch.where(valid[..., None], values, 0.0), valid)
