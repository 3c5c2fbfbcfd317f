"""CTC (Graves et al., 2006): the loss of each utterance, and of those that it can align."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ds2kit.components import BLANK
from ds2kit.types import Padded


def alignable(frames: Tensor, tokens: Padded) -> Tensor:
    """[batch] bool: has an utterance as many frames as its tokens and repeats need?

    frames: [batch]; an utterance without frames has nothing to learn from and is left out too
    """
    repeats = (tokens.values[:, 1:] == tokens.values[:, :-1]) & tokens.mask()[:, 1:]
    return (frames >= tokens.lengths + repeats.sum(dim=1)) & (frames > 0)


def ctc_losses(log_probs: Padded, tokens: Padded) -> tuple[Tensor, Tensor]:
    """Negative natural-log probabilities of the tokens: ([aligned] losses, [batch] which ones).

    Utterances that no alignment fits are left out, so that their neighbours learn. A loss that
    is not finite for another reason stays as it is.
    """
    which = alignable(log_probs.lengths, tokens)
    values, frames = log_probs.values[which], log_probs.lengths[which]
    if not len(values):
        # Every rank takes part in the gradient's exchange, with zero where it has nothing.
        return log_probs.values.sum()[None] * 0.0, which
    place = values.device
    if torch.are_deterministic_algorithms_enabled():
        place = torch.device("cpu")  # torch's on a GPU adds in any order, and refuses then
    with torch.autocast(values.device.type, enabled=False):
        losses = F.ctc_loss(
            values.transpose(0, 1).to(place),
            tokens.values[which].to(place),
            frames.to(place),
            tokens.lengths[which].to(place),
            blank=BLANK,
            reduction="none",
        )
    return losses.to(values.device), which
