"""CTC against all alignments written out; what cannot be aligned is left out alone."""

from __future__ import annotations

import itertools
import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.data.checks import needed_frames
from ds2kit.training.loss import alignable, ctc_losses
from ds2kit.types import Padded


def padded(rows: list[list[int]]) -> Padded:
    lengths = torch.tensor([len(row) for row in rows])
    values = torch.full((len(rows), max([*map(len, rows), 1])), 1)
    for row, ids in zip(values, rows, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return Padded(values, lengths)


def random_log_probs(batch: int, frames: int, vocabulary: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(batch + frames)
    drawn = torch.randn(batch, frames, vocabulary, dtype=torch.float64, generator=generator)
    return drawn.log_softmax(dim=-1)


def collapse(path: tuple[int, ...]) -> list[int]:
    return [token for token, _ in itertools.groupby(path) if token != 0]


@given(st.lists(st.integers(1, 2), max_size=3), st.integers(1, 5))
def test_loss_sums_over_all_alignments(ids: list[int], frames: int) -> None:
    log_probs = random_log_probs(1, frames, 3)
    losses, aligned = ctc_losses(Padded(log_probs, torch.tensor([frames])), padded([ids]))

    paths = [p for p in itertools.product(range(3), repeat=frames) if collapse(p) == ids]
    total = sum(math.exp(sum(float(log_probs[0, t, p[t]]) for t in range(frames))) for p in paths)
    assert bool(aligned[0]) == bool(paths)
    if paths:
        assert math.isclose(float(losses[0]), -math.log(total), rel_tol=1e-9)


@given(st.lists(st.lists(st.integers(1, 3), max_size=6), min_size=1), st.integers(1, 8))
def test_one_rule_of_what_can_be_aligned(rows: list[list[int]], frames: int) -> None:
    which = alignable(torch.full((len(rows),), frames), padded(rows))

    assert which.tolist() == [frames >= needed_frames(row) for row in rows]


def test_neighbours_of_an_utterance_that_cannot_be_aligned_learn() -> None:
    values = random_log_probs(2, 6, 4).requires_grad_()
    alone = values.detach()[:1].clone().requires_grad_()
    losses, aligned = ctc_losses(Padded(values, torch.tensor([6, 2])), padded([[1, 2], [1, 1]]))
    losses.sum().backward()
    ctc_losses(Padded(alone, torch.tensor([6])), padded([[1, 2]]))[0].sum().backward()

    assert aligned.tolist() == [True, False]
    assert torch.equal(values.grad[0], alone.grad[0])
    assert not values.grad[1].any()


def test_a_share_without_anything_still_has_a_gradient() -> None:
    values = random_log_probs(1, 3, 4).requires_grad_()
    losses, aligned = ctc_losses(Padded(values, torch.tensor([0])), padded([[]]))
    losses.sum().backward()

    assert not aligned.any()
    assert torch.equal(values.grad, torch.zeros_like(values))
