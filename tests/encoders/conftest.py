"""Batches for the tests of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from ds2kit.types import Padded


def pad(utterances: Sequence[Tensor], extra: int = 0, fill: float = float("nan")) -> Padded:
    """[time, features] each, joined; `extra` frames of padding beyond the longest."""
    lengths = torch.tensor([len(utterance) for utterance in utterances])
    time = int(lengths.max()) + extra
    values = torch.full((len(utterances), time, *utterances[0].shape[1:]), fill).double()
    for row, utterance in zip(values, utterances, strict=True):
        row[: len(utterance)] = utterance
    return Padded(values, lengths)


@pytest.fixture
def padded() -> Callable[..., Padded]:
    return pad


@pytest.fixture
def utterances() -> Callable[..., list[Tensor]]:
    """Random utterances [time, features] of such lengths."""

    def make(lengths: Sequence[int], *features: int, seed: int = 0) -> list[Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return [
            torch.randn(length, *features, generator=generator, dtype=torch.float64)
            for length in lengths
        ]

    return make
