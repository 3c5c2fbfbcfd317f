"""The layers between recurrence and output layer."""

from __future__ import annotations

from torch import Tensor, nn

from ds2kit.encoders.activation import clipped_relu
from ds2kit.encoders.normalisation import SequenceBatchNorm
from ds2kit.encoders.products import linear
from ds2kit.encoders.rows import over_rows
from ds2kit.encoders.streaming import StreamingLayer, where_valid
from ds2kit.types import Chunk, Padded, State


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
            product = self.norm.rows(product)
        return clipped_relu(product)
