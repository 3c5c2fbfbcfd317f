"""Recurrent layers over whole batches against the equations, utterance by utterance."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor

from ds2kit.encoders import cells
from ds2kit.encoders.cells import CELLS as EQUATIONS
from ds2kit.encoders.fast import way
from ds2kit.encoders.fast.rows import TimeOrder
from ds2kit.encoders.fast.unrolled import recur, unrolled
from ds2kit.types import Padded

Make = Callable[..., list[Tensor]]
Pad = Callable[..., Padded]

CELLS = list(product(["gru", "rnn", "lstm"], ["clipped_relu", "tanh"]))
GATES = {name: cell.gates for name, cell in EQUATIONS.items()}
LENGTHS = [(1,), (1, 1), (5, 3, 3, 1), (2, 0, 4)]


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("lengths", [*LENGTHS, (17, 30, 2, 9, 30)])
def test_equals_the_reference(
    cell: str,
    activation: str,
    directions: int,
    lengths: tuple[int, ...],
    utterances: Make,
    padded: Pad,
) -> None:
    width, gates = 5, GATES[cell]
    speech = [(3 * utterance).requires_grad_() for utterance in utterances(lengths, gates * width)]
    recurrent = torch.randn(directions, gates * width, width, dtype=torch.float64)
    recurrent = (0.6 * recurrent).requires_grad_()
    weights = utterances(lengths, width, seed=1)
    frames = padded([utterance.detach() for utterance in speech], extra=1)
    values = frames.values.requires_grad_()
    output = recur(cell, frames, lambda rows: rows, recurrent, activation).values
    loss = sum(
        (row[: len(weight)] * weight).sum() for row, weight in zip(output, weights, strict=True)
    )
    ours = torch.autograd.grad(loss, [values, recurrent])

    expected = [cells.layer(cell, utterance, recurrent, activation) for utterance in speech]
    loss = sum((row * weight).sum() for row, weight in zip(expected, weights, strict=True))
    *inputs, theirs = torch.autograd.grad(loss, [*speech, recurrent], materialize_grads=True)
    for number, (row, gradient) in enumerate(zip(expected, inputs, strict=True)):
        torch.testing.assert_close(output[number, : len(row)], row, rtol=0, atol=1e-10)
        torch.testing.assert_close(ours[0][number, : len(row)], gradient, rtol=1e-10, atol=1e-10)
        assert not ours[0][number, len(row) :].any()
    torch.testing.assert_close(ours[1], theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 2**-8)])
@pytest.mark.parametrize("apart", [True, False])
def test_rounds_no_more_than_its_type(
    cell: str,
    activation: str,
    kind: torch.dtype,
    tolerance: float,
    apart: bool,
    utterances: Make,
    padded: Pad,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Directions side by side or as a batch: float32 to 1e-5, bfloat16 to its own rounding.

    Relative to the norm: of the outputs, and of each gradient, against float64's. All sums are far
    from a rectifier's edge: where rounding moves one over it, its gradient jumps from 0 to 1.
    """
    monkeypatch.setattr(way, "worth_a_thread", lambda operations, compiled: apart)
    lengths, width = (40, 33, 40, 7), 32
    frames = padded(utterances(lengths, GATES[cell] * width))
    order = TimeOrder.of(frames)
    rows = order.gather(frames.values)
    rows += rows.sign()
    recurrent = torch.linalg.qr(torch.randn(2 * GATES[cell], width, width, dtype=torch.float64))[0]
    recurrent = recurrent.reshape(2, GATES[cell] * width, width) / 4
    weights = torch.randn(order.rows, width, dtype=torch.float64)

    def run(values: Tensor, matrix: Tensor, kind: torch.dtype | None) -> list[Tensor]:
        inputs = [values.detach().requires_grad_(), matrix.detach().requires_grad_()]
        hidden = unrolled(cell, *inputs, order, activation, kind)
        loss = (hidden * weights.to(hidden.dtype)).sum()
        return [hidden.detach(), *torch.autograd.grad(loss, inputs)]

    exact = run(rows, recurrent, None)
    found = run(rows.float(), recurrent.float(), kind)
    for ours, theirs in zip(found, exact, strict=True):
        assert ours.dtype == torch.float32
        difference = (ours - theirs).norm() / theirs.norm()
        assert float(difference) < tolerance


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("lengths", LENGTHS[:3])
def test_gradcheck(
    cell: str, activation: str, directions: int, lengths: tuple[int, ...], utterances: Make
) -> None:
    width, gates = 3, GATES[cell]
    torch.manual_seed(0)
    rows = torch.randn(sum(lengths), gates * width, dtype=torch.float64, requires_grad=True)
    recurrent = torch.randn(directions, gates * width, width, dtype=torch.float64)
    frames = Padded(torch.zeros(len(lengths), max(lengths), 1), torch.tensor(lengths))
    order = TimeOrder.of(frames)
    assert torch.autograd.gradcheck(
        lambda rows, recurrent: unrolled(cell, rows, recurrent, order, activation),
        (rows, recurrent.requires_grad_()),
    )
