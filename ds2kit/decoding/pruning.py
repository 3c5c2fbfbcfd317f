"""Which tokens of a frame a search considers (Amodei et al. 2015, arXiv 1512.02595)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ds2kit.components import BLANK


def likely(
    log_probs: np.ndarray[Any, Any], *, top_p: float, top_k: int
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The tokens of each frame worth considering, as the paper prunes before its search.

    log_probs: [frames, vocabulary], natural logarithms, normalised
    top_p:     the fewest tokens whose probability together reaches it, in (0, 1]; 1: all
    top_k:     and at most so many, the most probable ones
    Returns [frames, vocabulary], True for those. The blank is always among them, beyond `top_k`
    if need be; a token without any probability never is. What is left out has probability zero
    for the search: nothing is renormalised.
    """
    count = min(top_k, log_probs.shape[1])
    if top_p == 1:
        kept: np.ndarray[Any, np.dtype[np.bool_]] = log_probs > -np.inf
        if count < log_probs.shape[1]:
            among = np.zeros_like(kept)
            np.put_along_axis(among, _most_probable(log_probs, count), True, axis=1)
            kept &= among
    else:
        # Most frames have one token that is enough by itself, and need no sorting.
        best = log_probs.argmax(axis=1)[:, None]
        values = np.take_along_axis(log_probs, best, axis=1).astype(np.float64)
        kept = np.zeros(log_probs.shape, dtype=np.bool_)
        np.put_along_axis(kept, best, values > -np.inf, axis=1)
        several = np.flatnonzero(np.exp(values[:, 0]) < top_p)
        kept[several] = _fewest(log_probs[several], top_p, count)
    kept[:, BLANK] = True
    return kept


def _fewest(
    log_probs: np.ndarray[Any, Any], enough: float, count: int
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The fewest tokens of each frame that are enough, at most so many: [frames, vocabulary]."""
    # By index first: of equals the first is taken.
    tokens = np.sort(_most_probable(log_probs, count), axis=1)
    values = np.take_along_axis(log_probs, tokens, axis=1)
    tokens = np.take_along_axis(tokens, np.argsort(-values, axis=1, kind="stable"), axis=1)
    values = np.take_along_axis(log_probs, tokens, axis=1).astype(np.float64)
    # What the tokens before it have together: a token is needed while that is too little.
    before = np.cumsum(np.exp(values), axis=1) - np.exp(values)
    kept = np.zeros(log_probs.shape, dtype=np.bool_)
    np.put_along_axis(kept, tokens, (before < enough) & (values > -np.inf), axis=1)
    return kept


def _most_probable(log_probs: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """The most probable tokens of each frame, in no order: [frames, count]."""
    return np.argpartition(log_probs, -count, axis=1)[:, -count:]
