"""Recurrent layers by the paper's equations, exact for any padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ds2kit.encoders.activation import Activation
from ds2kit.encoders.cells import CELLS, CellName
from ds2kit.encoders.normalisation import SequenceBatchNorm
from ds2kit.encoders.products import linear, product_type
from ds2kit.encoders.rows import TimeOrder
from ds2kit.encoders.streaming import StreamingLayer
from ds2kit.encoders.unrolled import unrolled
from ds2kit.types import Chunk, Padded


class Recurrence(StreamingLayer):
    """A recurrent layer, forward only or the sum of both directions.

    [batch, time, input_size] to [batch, time, width], zeros in the padding. Both directions share
    the input matrix, and batch normalisation acts on its product alone (Amodei et al. 2015).

    Parameters, with n = width and G gates in the order of `cells`: input.weight [G n, input_size];
    input.bias [G n] or norm's; recurrent [directions, G n, n], forward direction first. Where
    directions do not share their input, it has [directions G n] rows.
    """

    def __init__(
        self,
        input_size: int,
        width: int,
        cell: CellName = "gru",
        activation: Activation = "clipped_relu",
        bidirectional: bool = True,
        shared_input: bool = True,
        *,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        self.cell: CellName = cell
        self.activation: Activation = activation
        directions, gates = 2 if bidirectional else 1, CELLS[cell].gates
        projected = gates * width * (1 if shared_input else directions)
        self.input = nn.Linear(input_size, projected, bias=not batch_norm)
        self.norm = SequenceBatchNorm(projected) if batch_norm else None
        self.recurrent = nn.Parameter(torch.empty(directions, gates * width, width))
        self._initialise()

    def _initialise(self) -> None:
        """Orthogonal recurrent matrices; inputs whose product has unit variance.

        With v = W x of unit variance and an orthogonal U, E[h^2] of the rectified
        h = f(v + U h) settles where q = (1 + q) / 2, at 1: seven layers neither die nor reach the
        clip. Two directions that share v correlate, and their sum has E[h^2] = 3.2; so W is that
        much smaller in a bidirectional stack, which matters only without batch norm. A memory
        begins by keeping most of what it holds: the bias of its forget gate is 1.
        """
        directions, _, width = self.recurrent.shape
        for matrices in self.recurrent.data:
            for matrix in matrices.reshape(-1, width, width):
                nn.init.orthogonal_(matrix)
        power = 3.2 if directions == 2 else 1.0
        nn.init.normal_(self.input.weight, std=(power * self.input.in_features) ** -0.5)
        bias = self.input.bias if self.norm is None else self.norm.bias
        nn.init.zeros_(bias)
        if self.cell == "lstm":
            bias.data.reshape(-1, CELLS["lstm"].gates, width)[:, 2] = 1.0

    def forward(self, frames: Padded) -> Padded:
        order = TimeOrder.of(frames)
        projected = self._project(order.gather(frames.values))
        kind = product_type(projected)
        hidden = unrolled(self.cell, projected, self.recurrent, order, self.activation, kind)
        return Padded(order.scatter(hidden), frames.lengths)

    def initial_state(self, streams: int) -> Tensor:
        width = self.recurrent.shape[2]
        return self.recurrent.new_zeros(streams, CELLS[self.cell].states * width)

    def step(self, chunk: Chunk, state: Tensor) -> tuple[Chunk, Tensor]:
        step, (recurrent,) = CELLS[self.cell].step, self.recurrent
        projected = self._project(chunk.values.flatten(0, 1)).reshape(*chunk.valid.shape, -1)
        outputs = []
        for frame, valid in zip(projected.unbind(1), chunk.valid.unbind(1), strict=True):
            # Void frames leave the state as it was.
            state = torch.where(
                valid[:, None], step(frame, state, recurrent, self.activation), state
            )
            outputs.append(torch.where(valid[:, None], state[:, : len(recurrent[0])], 0.0))
        return Chunk(torch.stack(outputs, dim=1), chunk.valid), state

    def _project(self, rows: Tensor) -> Tensor:
        """[rows, input_size] to V, [rows, G n]."""
        projected = linear(rows, self.input.weight, self.input.bias)
        return projected if self.norm is None else self.norm.rows(projected)
