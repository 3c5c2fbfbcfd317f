"""Log-mel filterbank features, with statistics of the training split."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ds2kit.errors import UserError
from ds2kit.frontends.framing import FLOOR, FramedFrontend, Framing, frame_statistics
from ds2kit.types import Padded
from ds2kit_mel.filterbank import filterbank


class Mel(FramedFrontend):
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
        high_hertz = sample_rate / 2 if high_hertz is None else high_hertz
        _check(sample_rate, mels, low_hertz, high_hertz)
        super().__init__(Framing.of("mel", sample_rate, window_ms, step_ms), output_size=mels)
        # A power of two, at least twice the window: the lowest filters are narrower than 1/window.
        self.spectrum_size = 1 << (2 * self.framing.window - 1).bit_length()
        filters = filterbank(mels, self.spectrum_size, sample_rate, low_hertz, high_hertz)
        self.register_buffer("filters", filters.float(), persistent=False)
        self.register_buffer("mean", torch.zeros(mels))
        self.register_buffer("deviation", torch.ones(mels))

    def forward(self, waveforms: Padded) -> Padded:
        with torch.autocast(waveforms.values.device.type, enabled=False):
            power = self._log_power(waveforms)
            normal = (power.values - self.mean) / self.deviation
            return Padded(normal, power.lengths).cleared()

    @torch.no_grad()
    def learn(self, batches: Iterable[Padded]) -> None:
        """Take each filter's mean and standard deviation from the valid frames of all batches.

        Raises UserError where they hold not a single frame.
        """
        mean, deviation = frame_statistics(map(self._log_power, batches))
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)

    def _log_power(self, waveforms: Padded) -> Padded:
        """[batch, samples] to [batch, frames, mels], natural logarithm, not normalised."""
        kind = torch.promote_types(self.mean.dtype, torch.float32)
        power = self.framing.power(waveforms, self.spectrum_size, kind)
        return Padded((power.values @ self.filters.to(kind) + FLOOR).log(), power.lengths)


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
