"""Row convolution: a little of the future for a network that hears forward only."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from ds2kit.types import Padded


class RowConvolution(nn.Module):
    """r[t, i] = sum over j = 0..lookahead of W[i, j] h[t + j, i]; zero past the utterance's end.

    [batch, time, features] to the same (Wang et al. 2016; Amodei et al. 2015). Parameter weight
    [features, lookahead + 1]. It begins as the identity.
    """

    def __init__(self, features: int, lookahead: int) -> None:
        super().__init__()
        self.lookahead = lookahead
        weight = torch.zeros(features, lookahead + 1)
        weight[:, 0] = 1.0
        self.weight = nn.Parameter(weight)

    def forward(self, frames: Padded) -> Padded:
        # A batch of no frames is of no length that torch would convolve: one void frame more.
        ahead = F.pad(frames.cleared().values.transpose(1, 2), (0, self.lookahead + 1))
        rows = F.conv1d(ahead, self.weight[:, None], groups=len(self.weight))
        time = frames.values.shape[1]
        return Padded(rows[:, :, :time].transpose(1, 2), frames.lengths)
