"""The recurrent cells as literal loops over one utterance: slow, plain, and what tests trust."""

from __future__ import annotations

import torch
from torch import Tensor

from ds2kit.encoders.activation import CLIP, Activation
from ds2kit.encoders.recurrence import Cell


def layer(cell: Cell, projected: Tensor, recurrent: Tensor, activation: Activation) -> Tensor:
    """The sum over directions, forward first: [time, G n] and [directions, G n, n] to [time, n]."""
    run = gru if cell == "gru" else rnn
    hidden = run(projected, recurrent[0], activation)
    if len(recurrent) == 2:
        hidden = hidden + run(projected.flip(0), recurrent[1], activation).flip(0)
    return hidden


def gru(projected: Tensor, recurrent: Tensor, activation: Activation) -> Tensor:
    """z = s(Vz + Uz h), r = s(Vr + Ur h), g = f(Vg + r (Ug h)), h' = (1 - z) h + z g

    projected: V [time, 3 n]; recurrent: U [3 n, n]; returns h [time, n].
    """
    update, reset, candidate = recurrent.chunk(3)
    hidden = projected.new_zeros(recurrent.shape[1])
    states = []
    for frame in projected:
        of_update, of_reset, of_candidate = frame.chunk(3)
        z = torch.sigmoid(of_update + update @ hidden)
        r = torch.sigmoid(of_reset + reset @ hidden)
        g = _function(of_candidate + r * (candidate @ hidden), activation)
        hidden = (1 - z) * hidden + z * g
        states.append(hidden)
    return torch.stack(states) if states else projected.new_zeros(0, recurrent.shape[1])


def rnn(projected: Tensor, recurrent: Tensor, activation: Activation) -> Tensor:
    """h' = f(V + U h); projected: V [time, n]; recurrent: U [n, n]; returns h [time, n]."""
    hidden = projected.new_zeros(recurrent.shape[1])
    states = []
    for frame in projected:
        hidden = _function(frame + recurrent @ hidden, activation)
        states.append(hidden)
    return torch.stack(states) if states else projected.new_zeros(0, recurrent.shape[1])


def _function(values: Tensor, activation: Activation) -> Tensor:
    return torch.tanh(values) if activation == "tanh" else values.clamp(0.0, CLIP)
