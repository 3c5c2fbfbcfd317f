"""What the layers of a streaming encoder have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

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


def last(chunk: Chunk, time: int) -> Chunk:
    """The last frames, to be remembered."""
    return chunk.cut(chunk.valid.shape[1] - time)[1]


def where_valid(values: Tensor, valid: Tensor) -> Chunk:
    """Outputs [streams, time, features] where they are somebody's, zeros elsewhere: void frames
    are the edges of what the next layer sees, and a bias must not stand in them."""
    return Chunk(torch.where(valid[..., None], values, 0.0), valid)
