"""The log spectrogram of Deep Speech 2, with statistics of the training split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import torch
from torch import Tensor

from ds2kit.components import Frontend
from ds2kit.encoders.geometry import windows
from ds2kit.errors import Problems, UserError
from ds2kit.types import Padded

FLOOR = 1e-10
"""Added to the power: about that of 16-bit quantisation noise, (1 / 32768)^2 / 12."""

LEAST_DEVIATION = 0.1
"""A bin that moves less in training (above a codec's cut-off) is not blown up."""


class LogSpectrogram(Frontend):
    """ln(power + 1e-10) of each frequency, less its mean, over its standard deviation.

    [batch, samples] in [-1, 1] to [batch, frames, window / 2 + 1]: 161 bins at 16 kHz, 81 at
    8 kHz. A frame for each whole window, Hann-weighted, its power divided by the window's energy:
    white noise has its variance in every bin. Zeros in the padding. Float32 inside, under autocast
    too (float64 where the module is).

    window_ms, step_ms: whole numbers of samples
    mean, deviation: buffers [bins] that `learn` sets; 0 and 1 before
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, sample_rate: int, *, window_ms: float = 20.0, step_ms: float = 10.0) -> None:
        super().__init__()
        problems = [
            *_unfit("window_ms", window_ms, sample_rate),
            *_unfit("step_ms", step_ms, sample_rate),
        ]
        if problems:
            raise Problems("log_spectrogram", problems)
        self.sample_rate = sample_rate
        self.window = int(_samples(window_ms, sample_rate))
        self.step = int(_samples(step_ms, sample_rate))
        self.output_size = self.window // 2 + 1
        self.frame_seconds = self.step / sample_rate
        self.register_buffer("mean", torch.zeros(self.output_size))
        self.register_buffer("deviation", torch.ones(self.output_size))

    def forward(self, waveforms: Padded) -> Padded:
        with torch.autocast(waveforms.values.device.type, enabled=False):
            power = self._log_power(waveforms)
            normal = (power.values - self.mean) / self.deviation
            return Padded(normal, power.lengths).cleared()

    def output_lengths(self, lengths: Tensor) -> Tensor:
        return windows(lengths, self.window, self.step)

    @torch.no_grad()
    def learn(self, batches: Iterable[Padded]) -> None:
        """Take each bin's mean and standard deviation from the valid frames of all batches.

        Raises UserError where they hold not a single frame.
        """
        count = 0
        mean = squares = torch.zeros(self.output_size, dtype=torch.float64, device="cpu")
        for batch in batches:
            power = self._log_power(batch)
            frames = power.values[power.mask()].to("cpu", torch.float64)
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
                f"log_spectrogram: no utterance of the training split is as long as one window of "
                f"{self.window} samples at {self.sample_rate} Hz; prepare longer ones"
            )
        self.mean.copy_(mean)
        self.deviation.copy_((squares / count).sqrt().clamp(min=LEAST_DEVIATION))

    def _log_power(self, waveforms: Padded) -> Padded:
        """[batch, samples] to [batch, frames, bins], natural logarithm, not normalised."""
        kind = torch.promote_types(self.mean.dtype, torch.float32)
        samples = waveforms.cleared().values.to(kind)
        lengths = self.output_lengths(waveforms.lengths)
        frames = windows(samples.shape[1], self.window, self.step)
        if len(samples) * frames == 0:  # torch transforms no empty tensor
            return Padded(samples.new_zeros(len(samples), frames, self.output_size), lengths)
        hann = torch.hann_window(self.window, dtype=kind, device=samples.device)
        hann = hann / hann.square().sum().sqrt()
        spectrum = torch.fft.rfft(samples.unfold(1, self.window, self.step) * hann)
        power = spectrum.real.square() + spectrum.imag.square()
        return Padded((power + FLOOR).log(), lengths)


def _samples(milliseconds: float, sample_rate: int) -> Fraction:
    return Fraction(str(milliseconds)) * sample_rate / 1000


def _unfit(name: str, milliseconds: float, sample_rate: int) -> Iterator[str]:
    if not 0 < milliseconds < float("inf"):
        yield f"{name} is {milliseconds}; it takes a positive number of milliseconds"
        return
    samples = _samples(milliseconds, sample_rate)
    if samples.denominator != 1:
        yield (
            f"{name} is {milliseconds}, which is {float(samples):g} samples at {sample_rate} Hz; "
            f"it takes a whole number of samples: choose another, or another sample rate"
        )
