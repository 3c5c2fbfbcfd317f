"""Triangular filters on the mel scale (Davis and Mermelstein, 1980)."""

from __future__ import annotations

import torch
from torch import Tensor

from ds2kit.errors import UserError


def mel(hertz: Tensor) -> Tensor:
    """1127 ln(1 + f / 700), O'Shaughnessy's formula with a natural logarithm."""
    return 1127 * torch.log1p(hertz / 700)


def filterbank(
    mels: int, spectrum_size: int, sample_rate: int, low_hertz: float, high_hertz: float
) -> Tensor:
    """[frequencies, mels] float64: the weight of each frequency of a spectrum in each filter.

    spectrum_size: samples of the Fourier transform; it has half as many frequencies, and one

    Filter m rises from edge m to 1 at edge m + 1, and falls to edge m + 2; the mels + 2 edges are
    evenly spaced on the mel scale, and the sides are straight on it. Raises UserError where a
    filter holds none of the frequencies.
    """
    hertz = torch.arange(spectrum_size // 2 + 1, dtype=torch.float64) * sample_rate / spectrum_size
    ends = mel(torch.tensor([low_hertz, high_hertz], dtype=torch.float64))
    spacing = (ends[1] - ends[0]) / (mels + 1)
    tops = ends[0] + spacing * torch.arange(1, mels + 1, dtype=torch.float64)
    weights = (1 - (mel(hertz)[:, None] - tops).abs() / spacing).clamp(min=0)
    empty = (weights.sum(dim=0) == 0).nonzero().flatten().tolist()
    if empty:
        raise UserError(
            f"mel: {mels} filters from {low_hertz:g} to {high_hertz:g} Hz are so narrow that "
            f"{len(empty)} of them (the first is number {empty[0] + 1}) hold no frequency of the "
            f"spectrum, which has one every {sample_rate / spectrum_size:g} Hz; take fewer mels, a "
            "wider range or a longer window_ms"
        )
    return weights
