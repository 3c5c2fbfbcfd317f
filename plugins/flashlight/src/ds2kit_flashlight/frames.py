"""What a search is given: log-probabilities, checked, and what is worth considering of them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ds2kit.components import BLANK
from ds2kit.errors import UserError

Matrix: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

UNLIKELY = -1e4
"""What a token that is not considered loses: more than any text can make up for. It is finite, so
that there is a way on where the lexicon has none that is better."""

ROUNDING = 0.1
"""How far from one the probabilities of a frame may sum up: those of bfloat16 do."""

CHECKED_FRAMES = 16
"""Of how many frames it is looked at: who forgets log_softmax forgets it everywhere."""


def checked(log_probs: Tensor, size: int, whose: str) -> Matrix:
    """[frames, vocabulary] natural log-probabilities in float32, on the CPU, rows contiguous.

    size:  of the vocabulary, the blank included
    whose: for the message: `utterance 3 of 8`
    Raises UserError where the shape is another, a value is NaN or plus infinity, or probabilities
    do not sum to one: flashlight would give nothing, or nonsense.
    """
    if log_probs.dim() != 2 or log_probs.shape[1] != size:
        raise UserError(
            f"{whose}: log-probabilities are {list(log_probs.shape)}; "
            f"expected [frames, {size}], one for each token of the tokenizer"
        )
    values: Matrix = log_probs.detach().to("cpu", torch.float32).numpy()
    # The sum is finite wherever all is well, and one pass; minus infinity is well too.
    if not np.isfinite(values.sum(dtype=np.float64)):
        for frame in np.flatnonzero(~(values < np.inf).all(axis=1))[:1]:
            found = "NaN" if np.isnan(values[frame]).any() else "infinity"
            raise UserError(
                f"{whose}: frame {frame} holds {found}; expected natural log-probabilities: "
                "look at the model that gave them"
            )
    some = values[:: max(1, len(values) // CHECKED_FRAMES)].astype(np.float64)
    with np.errstate(over="ignore"):
        sums = np.exp(some).sum(axis=1)
    for total in sums[np.abs(sums - 1) > ROUNDING][:1]:
        raise UserError(
            f"{whose}: the probabilities of a frame sum to {total:.4g}; expected natural "
            "log-probabilities that sum to 1: apply log_softmax"
        )
    return np.ascontiguousarray(values)


def pruned(log_probs: Matrix, *, top_p: float, top_k: int) -> Matrix:
    """The same with UNLIKELY added to tokens that are not worth considering (Amodei et al. 2015).

    Of each frame the fewest tokens are whose probability together reaches `top_p` (1: all), at
    most `top_k`, and always the blank. A new array; -inf is UNLIKELY too. These are the tokens of
    `ds2kit.decoding.pruning.likely`, and those as probable as the last of them, in half the time:
    a search of thousands of tokens notices.
    """
    values = np.maximum(log_probs, np.float32(UNLIKELY))
    count = min(top_k, log_probs.shape[1])
    if len(values) and (top_p < 1 or count < log_probs.shape[1]):
        least = _least_kept(values, top_p, count)
        unlikely = values < least[:, None]
        unlikely[:, BLANK] = False
        np.add(values, np.float32(UNLIKELY), out=values, where=unlikely)
    return values


def _least_kept(values: Matrix, top_p: float, count: int) -> Matrix:
    """The log-probability of the least probable token of each frame that is kept: [frames]."""
    if count < values.shape[1]:
        values = np.partition(values, values.shape[1] - count, axis=1)[:, -count:]
    falling = np.sort(values, axis=1)[:, ::-1]
    # What the tokens before it have together: a token is needed while that is too little.
    reached = np.cumsum(np.exp(falling[:, :-1], dtype=np.float64), axis=1)
    needed = (reached < (top_p if top_p < 1 else np.inf)).sum(axis=1)
    return np.asarray(np.take_along_axis(falling, needed[:, None], axis=1)[:, 0])
