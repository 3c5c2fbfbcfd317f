"""What spectral frontends share: whole windows of a waveform, streaming, statistics of the frames.

Public: a plugin's frontend may use them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from ds2kit.components import StreamingFrontend
from ds2kit.encoders.geometry import windows
from ds2kit.errors import Problems, UserError
from ds2kit.types import Chunk, Padded

FLOOR = 1e-10
"""Added to a power before its logarithm: about that of 16-bit quantisation noise, 2^-30 / 12."""

LEAST_DEVIATION = 0.1
"""A feature that moves less in training (above a codec's cut-off) is not blown up."""


@dataclass(frozen=True)
class Framing:
    """A frame for each whole window, one every step: nothing is padded, nothing looks ahead.

    window, step: samples
    """

    sample_rate: int
    window: int
    step: int

    @classmethod
    def of(cls, name: str, sample_rate: int, window_ms: float, step_ms: float) -> Framing:
        """By durations, for the component called `name`.

        Raises UserError where one is no whole number of samples.
        """
        durations = {"window_ms": window_ms, "step_ms": step_ms}
        problems = [
            problem
            for option, milliseconds in durations.items()
            if (problem := _unfit(option, milliseconds, sample_rate))
        ]
        if problems:
            raise Problems(name, problems)
        window, step = (int(_samples(ms, sample_rate)) for ms in durations.values())
        return cls(sample_rate, window, step)

    @property
    def frame_seconds(self) -> float:
        return self.step / self.sample_rate

    @property
    def delay(self) -> int:
        """Samples from a step's beginning to the one in which its window ends: whole steps."""
        return (self.window - 1) // self.step * self.step

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Frames for so many samples."""
        return windows(lengths, self.window, self.step)

    def whole(self, valid: Tensor) -> Tensor:
        """Which windows of [streams, samples] have all their samples: [streams, frames]."""
        if valid.shape[1] < self.window:  # torch unfolds nothing into no window
            return valid[:, :0]
        return valid.unfold(1, self.window, self.step).all(dim=2)

    def power(self, waveforms: Padded, size: int, kind: torch.dtype) -> Padded:
        """[batch, samples] to the power spectra of Hann windows, [batch, frames, size / 2 + 1].

        The power is divided by the window's energy: white noise has its variance in every bin.
        size: of the transform, at least the window's
        kind: the type to compute in
        """
        samples = waveforms.cleared().values.to(kind)
        lengths = self.output_lengths(waveforms.lengths)
        frames = windows(samples.shape[1], self.window, self.step)
        if len(samples) * frames == 0:  # torch transforms no empty tensor
            return Padded(samples.new_zeros(len(samples), frames, size // 2 + 1), lengths)
        hann = torch.hann_window(self.window, dtype=kind, device=samples.device)
        hann = hann / hann.square().sum().sqrt()
        spectrum = torch.fft.rfft(samples.unfold(1, self.window, self.step) * hann, n=size)
        return Padded(spectrum.real.square() + spectrum.imag.square(), lengths)


class FramedFrontend(StreamingFrontend):
    """A frontend that gives a frame for each whole window, by itself: `forward` makes it stream.

    framing: its windows, and so its rate, its lengths and its delay
    """

    def __init__(self, framing: Framing, output_size: int) -> None:
        super().__init__()
        self.framing, self.output_size = framing, output_size
        self.sample_rate, self.frame_seconds = framing.sample_rate, framing.frame_seconds
        self.stride, self.delay = framing.step, framing.delay

    def output_lengths(self, lengths: Tensor) -> Tensor:
        return self.framing.output_lengths(lengths)

    def initial_state(self, streams: int) -> Chunk:
        """The last `delay` samples of every stream."""
        return Chunk.void(self, streams, self.delay)

    def step(self, chunk: Chunk, state: Chunk) -> tuple[Chunk, Chunk]:
        heard = state.then(chunk)
        streams, samples = heard.valid.shape
        lengths = torch.full((streams,), samples, device=heard.values.device)
        frames = self.forward(Padded(heard.values, lengths)).values
        _, following = heard.cut(chunk.valid.shape[1])
        return Chunk(frames, self.framing.whole(heard.valid)).cleared(), following


def frame_statistics(batches: Iterable[Padded]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature over the valid frames: [features], float64.

    Raises UserError where there is not a single frame.
    """
    count = 0
    mean = squares = torch.zeros((), dtype=torch.float64)
    for batch in batches:
        frames = batch.values[batch.mask()].to("cpu", torch.float64)
        if not len(frames):
            continue
        # Chan et al. 1979: batches' moments add up without cancelling.
        share = len(frames) / (count + len(frames))
        shift = frames.mean(dim=0) - mean
        own = (frames - frames.mean(dim=0)).square().sum(dim=0)
        squares = squares + own + shift.square() * count * share
        mean = mean + shift * share
        count += len(frames)
    if count == 0:
        raise UserError(
            "no utterance of the training split is as long as one window of the frontend; "
            "prepare longer ones"
        )
    return mean, (squares / count).sqrt().clamp(min=LEAST_DEVIATION)


def _samples(milliseconds: float, sample_rate: int) -> Fraction:
    return Fraction(str(milliseconds)) * sample_rate / 1000


def _unfit(option: str, milliseconds: float, sample_rate: int) -> str:
    """What is wrong with a duration; nothing where it is a whole number of samples."""
    if not 0 < milliseconds < float("inf"):
        return f"{option} is {milliseconds}; it takes a positive number of milliseconds"
    samples = _samples(milliseconds, sample_rate)
    if samples.denominator == 1:
        return ""
    return (
        f"{option} is {milliseconds}, which is {float(samples):g} samples at {sample_rate} Hz; "
        "it takes a whole number of samples: choose another, or another sample rate"
    )
