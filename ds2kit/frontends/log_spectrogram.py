"""The log spectrogram of Deep Speech 2, with statistics of the training split."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ds2kit.frontends.framing import FLOOR, FramedFrontend, Framing, frame_statistics
from ds2kit.types import Padded


class LogSpectrogram(FramedFrontend):
    """ln(power + 1e-10) of each frequency, less its mean, over its standard deviation.

    [batch, samples] in [-1, 1] to [batch, frames, window / 2 + 1]: 161 bins at 16 kHz, 81 at
    8 kHz. Zeros in the padding. Float32 inside, under autocast too (float64 where the module is).

    window_ms, step_ms: whole numbers of samples
    mean, deviation: buffers [bins] that `learn` sets; 0 and 1 before
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, sample_rate: int, *, window_ms: float = 20.0, step_ms: float = 10.0) -> None:
        framing = Framing.of("log_spectrogram", sample_rate, window_ms, step_ms)
        super().__init__(framing, output_size=framing.window // 2 + 1)
        self.register_buffer("mean", torch.zeros(self.output_size))
        self.register_buffer("deviation", torch.ones(self.output_size))

    def forward(self, waveforms: Padded) -> Padded:
        with torch.autocast(waveforms.values.device.type, enabled=False):
            power = self._log_power(waveforms)
            normal = (power.values - self.mean) / self.deviation
            return Padded(normal, power.lengths).cleared()

    @torch.no_grad()
    def learn(self, batches: Iterable[Padded]) -> None:
        """Take each bin's mean and standard deviation from the valid frames of all batches.

        Raises UserError where they hold not a single frame.
        """
        mean, deviation = frame_statistics(map(self._log_power, batches))
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)

    def _log_power(self, waveforms: Padded) -> Padded:
        """[batch, samples] to [batch, frames, bins], natural logarithm, not normalised."""
        kind = torch.promote_types(self.mean.dtype, torch.float32)
        power = self.framing.power(waveforms, self.framing.window, kind)
        return Padded((power.values + FLOOR).log(), power.lengths)
