"""What a search is given: log-probabilities, checked before it trusts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ds2kit.errors import UserError

ROUNDING = 0.1
"""How far from one the probabilities of a frame may sum up: those of bfloat16 do."""


def checked(
    log_probs: Tensor, size: int, whose: str, *, dtype: torch.dtype = torch.float64
) -> np.ndarray[Any, Any]:
    """A copy of [frames, vocabulary] natural log-probabilities, on the CPU, rows contiguous.

    size:  of the vocabulary, the blank included
    whose: for the message: `utterance 3 of 8`
    dtype: of what is given: float64, or float32, in which it is checked faster
    Raises UserError, with the first such frame's number, where the shape is another, a value is
    NaN or plus infinity, or the probabilities of a frame do not sum to one.
    """
    if log_probs.dim() != 2 or log_probs.shape[1] != size:
        raise UserError(
            f"{whose}: log-probabilities are {list(log_probs.shape)}; "
            f"expected [frames, {size}], one for each token of the tokenizer"
        )
    copied = log_probs.detach().to("cpu", dtype, copy=True, memory_format=torch.contiguous_format)
    values: np.ndarray[Any, Any] = copied.numpy()
    with np.errstate(over="ignore"):
        sums = np.exp(values).sum(axis=1)
    # The sum of a frame that holds NaN or infinity is that.
    for frame in np.flatnonzero(~(np.abs(sums - 1) <= ROUNDING))[:1]:
        raise UserError(f"{whose}: {_wrong(values[frame], frame, sums[frame])}")
    return values


def _wrong(values: np.ndarray[Any, Any], frame: int, total: float) -> str:
    """What is wrong with a frame, whose probabilities have such a sum."""
    if not (values < np.inf).all():
        found = "NaN" if np.isnan(values).any() else "infinity"
        return (
            f"frame {frame} holds {found}; expected natural log-probabilities: "
            "look at the model that gave them"
        )
    return (
        f"the probabilities of frame {frame} sum to {total:.4g}; expected "
        "natural log-probabilities that sum to 1: apply log_softmax"
    )
