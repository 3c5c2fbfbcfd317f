"""Log-mel filterbank features, with statistics of the training split."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import torch
from torch import Tensor

from ds2kit.components import Frontend
from ds2kit.errors import UserError
from ds2kit.types import Padded
from ds2kit_mel.filterbank import filterbank

FLOOR = 1e-10
"""Added to the power: about that of 16-bit quantisation noise, (1 / 32768)^2 / 12."""

LEAST_DEVIATION = 0.1
"""A filter that hardly moves in training (above a codec's cut-off) is not blown up."""


class Mel(Frontend):
    """ln(filtered power + 1e-10) of each mel filter, less its mean, over its standard deviation.

    [batch, samples] in [-1, 1] to [batch, frames, mels]. A frame for each whole window,
    Hann-weighted, its power divided by the window's energy. Zeros in the padding. Float32 inside,
    under autocast too (float64 where the module is).

    mean, deviation: buffers [mels] that `learn` sets; 0 and 1 before
    """

    mean: Tensor
    deviation: Tensor
    filters: Tensor

    def __init__(
        self,
        sample_rate: int,
        *,
        mels: int = 80,
        low_hertz: float = 20.0,
        high_hertz: float | None = None,
        window_ms: float = 25.0,
        step_ms: float = 10.0,
    ) -> None:
        super().__init__()
        high_hertz = sample_rate / 2 if high_hertz is None else high_hertz
        _check(sample_rate, mels, low_hertz, high_hertz)
        self.sample_rate, self.output_size = sample_rate, mels
        self.window = _samples("window_ms", window_ms, sample_rate)
        self.step = _samples("step_ms", step_ms, sample_rate)
        self.frame_seconds = self.step / sample_rate
        # A power of two, at least twice the window: the lowest filters are narrower than 1/window.
        self.spectrum_size = 1 << (2 * self.window - 1).bit_length()
        filters = filterbank(mels, self.spectrum_size, sample_rate, low_hertz, high_hertz)
        self.register_buffer("filters", filters.float(), persistent=False)
        self.register_buffer("mean", torch.zeros(mels))
        self.register_buffer("deviation", torch.ones(mels))

    def forward(self, waveforms: Padded) -> Padded:
        with torch.autocast(waveforms.values.device.type, enabled=False):
            power = self._log_power(waveforms)
            normal = (power.values - self.mean) / self.deviation
            return Padded(normal, power.lengths).cleared()

    def output_lengths(self, lengths: Tensor) -> Tensor:
        whole = torch.div(lengths - self.window, self.step, rounding_mode="floor") + 1
        return whole.clamp(min=0)

    @torch.no_grad()
    def learn(self, batches: Iterable[Padded]) -> None:
        """Take each filter's mean and standard deviation from the valid frames of all batches.

        Raises UserError where they hold not a single frame.
        """
        count = 0
        mean = squares = torch.zeros(self.output_size, dtype=torch.float64)
        for batch in batches:
            power = self._log_power(batch)
            frames = power.values[power.mask()].to("cpu", torch.float64)
            if not len(frames):
                continue
            # Moments of batches add up without cancelling (Chan et al., 1979).
            share = len(frames) / (count + len(frames))
            shift = frames.mean(dim=0) - mean
            spread = (frames - frames.mean(dim=0)).square().sum(dim=0)
            squares = squares + spread + shift.square() * count * share
            mean = mean + shift * share
            count += len(frames)
        if count == 0:
            raise UserError(
                f"mel: no utterance of the training split is as long as one window of "
                f"{self.window} samples at {self.sample_rate} Hz; prepare longer ones"
            )
        self.mean.copy_(mean)
        self.deviation.copy_((squares / count).sqrt().clamp(min=LEAST_DEVIATION))

    def _log_power(self, waveforms: Padded) -> Padded:
        """[batch, samples] to [batch, frames, mels], natural logarithm, not normalised."""
        kind = torch.promote_types(self.mean.dtype, torch.float32)
        samples = waveforms.cleared().values.to(kind)
        lengths = self.output_lengths(waveforms.lengths)
        if samples.shape[1] < self.window:
            return Padded(samples.new_zeros(len(samples), 0, self.output_size), lengths)
        hann = torch.hann_window(self.window, dtype=kind, device=samples.device)
        hann = hann / hann.square().sum().sqrt()
        windows = samples.unfold(1, self.window, self.step) * hann
        spectrum = torch.fft.rfft(windows, n=self.spectrum_size)
        power = spectrum.real.square() + spectrum.imag.square()
        return Padded((power @ self.filters.to(kind) + FLOOR).log(), lengths)


def _check(sample_rate: int, mels: int, low_hertz: float, high_hertz: float) -> None:
    if mels < 1:
        raise UserError(f"mel: mels is {mels}; it takes at least 1")
    if high_hertz > sample_rate / 2:
        raise UserError(
            f"mel: high_hertz is {high_hertz:g}; sound of {sample_rate} Hz has nothing above half "
            f"of that: take {sample_rate / 2:g} at most, or leave it out"
        )
    if not 0 <= low_hertz < high_hertz:
        raise UserError(
            f"mel: low_hertz is {low_hertz:g} and high_hertz {high_hertz:g}; "
            "it takes 0 or more, and less than high_hertz"
        )


def _samples(name: str, milliseconds: float, sample_rate: int) -> int:
    if not 0 < milliseconds < float("inf"):
        raise UserError(f"mel: {name} is {milliseconds}; it takes a positive number")
    samples = Fraction(str(milliseconds)) * sample_rate / 1000
    if samples.denominator != 1:
        raise UserError(
            f"mel: {name} is {milliseconds:g}, which is {float(samples):g} samples at "
            f"{sample_rate} Hz; it takes a whole number of samples: choose another"
        )
    return int(samples)
