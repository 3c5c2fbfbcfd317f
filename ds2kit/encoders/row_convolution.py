"""Row convolution: a little of the future for a network that hears forward only."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ds2kit.encoders.streaming import StreamingLayer, last, where_valid
from ds2kit.types import Chunk, Padded


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
