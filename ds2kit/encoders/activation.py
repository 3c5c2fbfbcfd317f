"""The nonlinearities of Deep Speech 2."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Activation = Literal["clipped_relu", "tanh"]

CLIP = 20.0
"""Where the clipped rectifier stops (Amodei et al. 2015)."""


def clipped_relu(values: Tensor) -> Tensor:
    """min(max(x, 0), 20), written over `values`."""
    return F.hardtanh(values, 0.0, CLIP, inplace=True)


def activate(values: Tensor, tanh: bool) -> None:
    """Apply an activation, tanh or the clipped rectifier, in place; autograd does not see it."""
    if tanh:
        torch.tanh_(values)
    else:
        values.clamp_(0.0, 20.0)  # CLIP; TorchScript knows no constants of a module


def slope(outputs: Tensor, tanh: bool) -> Tensor:
    """The activation's derivative where it gave `outputs`; 0 where it is clipped."""
    if tanh:
        return 1 - outputs.square()
    return ((outputs > 0) & (outputs < CLIP)).to(outputs.dtype)
