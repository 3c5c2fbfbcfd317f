"""The equations of the recurrent cells, one frame at a time.

Plain and differentiable: what a stream is stepped with, and what `fast.recur` is tested
against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

CellName = Literal["gru", "rnn", "lstm"]

Activation = Literal["clipped_relu", "tanh"]

CLIP = 20.0
"""Where the clipped rectifier stops (Amodei et al. 2015)."""

Step = Callable[[Tensor, Tensor, Tensor, Activation], Tensor]
"""V [batch, gates * n], the state before [batch, states * n] and U [gates * n, n] to the state."""


@dataclass(frozen=True)
class Cell:
    """gates: products of width n that a cell takes of its input and of its output.

    states: vectors of width n that it remembers; the first is its output
    """

    gates: int
    states: int
    step: Step


def rnn(projected: Tensor, state: Tensor, recurrent: Tensor, activation: Activation) -> Tensor:
    """h' = f(V + U h)"""
    return _function(projected + state @ recurrent.T, activation)


def gru(projected: Tensor, state: Tensor, recurrent: Tensor, activation: Activation) -> Tensor:
    """z = s(Vz + Uz h), r = s(Vr + Ur h), g = f(Vg + r (Ug h)), h' = (1 - z) h + z g

    Gated recurrent units with the reset gate after the recurrent product; gates z, r, g.
    """
    of_update, of_reset, of_candidate = projected.chunk(3, dim=-1)
    update, reset, candidate = (state @ recurrent.T).chunk(3, dim=-1)
    z = torch.sigmoid(of_update + update)
    r = torch.sigmoid(of_reset + reset)
    g = _function(of_candidate + r * candidate, activation)
    return (1 - z) * state + z * g


def lstm(projected: Tensor, state: Tensor, recurrent: Tensor, activation: Activation) -> Tensor:
    """o, i, j = s(V + U h), g = f(Vg + Ug h), c' = j c + i g, h' = o f(c')

    Long short-term memory; gates o (output), i (input), j (forget), g. The state is h and c.
    """
    hidden, cell = state.chunk(2, dim=-1)
    o, i, j, g = (projected + hidden @ recurrent.T).chunk(4, dim=-1)
    cell = torch.sigmoid(j) * cell + torch.sigmoid(i) * _function(g, activation)
    return torch.cat([torch.sigmoid(o) * _function(cell, activation), cell], dim=-1)


CELLS: dict[CellName, Cell] = {
    "gru": Cell(3, 1, gru),
    "rnn": Cell(1, 1, rnn),
    "lstm": Cell(4, 2, lstm),
}


def layer(name: CellName, projected: Tensor, recurrent: Tensor, activation: Activation) -> Tensor:
    """A layer over one utterance, frame by frame: slow, and what tests trust.

    projected: V [time, gates * n], of each direction one after the other where it has its own
    recurrent: U [directions, gates * n, n], forward first; returns h summed, [time, n]
    """
    cell = CELLS[name]
    own = projected.expand(len(recurrent), *projected.shape)
    if projected.shape[1] > recurrent.shape[1]:
        own = torch.stack(projected.chunk(len(recurrent), dim=1))
    hidden = _run(cell, own[0], recurrent[0], activation)
    if len(recurrent) == 2:
        hidden = hidden + _run(cell, own[1].flip(0), recurrent[1], activation).flip(0)
    return hidden


def _run(cell: Cell, projected: Tensor, recurrent: Tensor, activation: Activation) -> Tensor:
    width = recurrent.shape[1]
    state = projected.new_zeros(1, cell.states * width)
    states = [state[:0]]
    for frame in projected[:, None]:
        state = cell.step(frame, state, recurrent, activation)
        states.append(state)
    return torch.cat(states)[:, :width]


def _function(values: Tensor, activation: Activation) -> Tensor:
    return torch.tanh(values) if activation == "tanh" else values.clamp(0.0, CLIP)
