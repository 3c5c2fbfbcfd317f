"""The recurrent cells: the reference against NumPy, the fast path against the reference."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from ds2kit.encoders import cells, way
from ds2kit.encoders.cells import CELLS as EQUATIONS
from ds2kit.encoders.recurrence import Recurrence
from ds2kit.encoders.rows import TimeOrder
from ds2kit.encoders.unrolled import unrolled
from ds2kit.types import Padded

Make = Callable[..., list[Tensor]]
Pad = Callable[..., Padded]

NAMES = ["gru", "rnn", "lstm"]
CELLS = list(product(NAMES, ["clipped_relu", "tanh"]))
GATES = {name: cell.gates for name, cell in EQUATIONS.items()}
LENGTHS = [(1,), (1, 1), (5, 3, 3, 1), (2, 0, 4)]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def function(x: np.ndarray, activation: str) -> np.ndarray:
    return np.tanh(x) if activation == "tanh" else np.minimum(np.maximum(x, 0), 20)


def literal(cell: str, inputs: np.ndarray, u: np.ndarray, activation: str) -> np.ndarray:
    return cells.layer(
        cell, torch.from_numpy(inputs), torch.from_numpy(u)[None], activation
    ).numpy()


@pytest.mark.parametrize("activation", ["clipped_relu", "tanh"])
def test_the_gru_is_as_written(activation: str) -> None:
    rng = np.random.default_rng(0)
    inputs, u = 9 * rng.standard_normal((6, 9)), rng.standard_normal((9, 3))
    output = literal("gru", inputs, u, activation)

    h = np.zeros(3)
    for t in range(6):
        z = sigmoid(inputs[t, :3] + u[:3] @ h)
        r = sigmoid(inputs[t, 3:6] + u[3:6] @ h)
        g = function(inputs[t, 6:] + r * (u[6:] @ h), activation)
        h = (1 - z) * h + z * g
        np.testing.assert_allclose(output[t], h, atol=1e-12)


@pytest.mark.parametrize("activation", ["clipped_relu", "tanh"])
def test_the_lstm_is_as_written(activation: str) -> None:
    rng = np.random.default_rng(0)
    inputs, u = 3 * rng.standard_normal((6, 12)), rng.standard_normal((12, 3))
    output = literal("lstm", inputs, u, activation)

    h = c = np.zeros(3)
    for t in range(6):
        o, i, j, g = (inputs[t] + u @ h).reshape(4, 3)
        c = sigmoid(j) * c + sigmoid(i) * function(g, activation)
        h = sigmoid(o) * function(c, activation)
        np.testing.assert_allclose(output[t], h, atol=1e-12)


@pytest.mark.parametrize("activation", ["clipped_relu", "tanh"])
def test_the_rnn_is_as_written(activation: str) -> None:
    rng = np.random.default_rng(0)
    inputs, u = 9 * rng.standard_normal((6, 3)), rng.standard_normal((3, 3))
    output = literal("rnn", inputs, u, activation)

    h = np.zeros(3)
    for t in range(6):
        h = function(inputs[t] + u @ h, activation)
        np.testing.assert_allclose(output[t], h, atol=1e-12)


def test_reset_acts_after_the_product_as_in_torch(utterances: Make) -> None:
    """With tanh the cell is torch.nn.GRU's, but for z, which is 1 - z there."""
    (inputs,) = utterances([7], 9)
    recurrent = torch.randn(9, 3, dtype=torch.float64)
    theirs = torch.nn.GRU(9, 3).double()
    update_reversed = torch.tensor([-1.0] * 3 + [1.0] * 6, dtype=torch.float64)
    swapped = [3, 4, 5, 0, 1, 2, 6, 7, 8]
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(torch.diag(update_reversed)[swapped])
        theirs.weight_hh_l0.copy_((update_reversed[:, None] * recurrent)[swapped])
        theirs.bias_ih_l0.zero_()
        theirs.bias_hh_l0.zero_()
    torch.testing.assert_close(
        cells.layer("gru", inputs, recurrent[None], "tanh"), theirs(inputs)[0]
    )


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
    order = TimeOrder.of(frames)
    values = frames.values.requires_grad_()
    hidden = unrolled(cell, order.gather(values), recurrent, order, activation)
    output = order.scatter(hidden)
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


@pytest.mark.parametrize("cell", NAMES)
@pytest.mark.parametrize("batch_norm", [True, False])
def test_layer_shares_its_input_matrix_and_normalises_it_alone(
    cell: str, batch_norm: bool, utterances: Make, padded: Pad
) -> None:
    layer = Recurrence(4, 5, cell, batch_norm=batch_norm).double()
    assert layer.input.weight.shape == (GATES[cell] * 5, 4)
    assert (layer.input.bias is None) == batch_norm
    bias = layer.norm.bias if batch_norm else layer.input.bias
    torch.nn.init.normal_(bias)
    speech = utterances([6, 2, 9], 4)
    output = layer(padded(speech, extra=2))

    products = [utterance @ layer.input.weight.T for utterance in speech]
    if batch_norm:
        joined = torch.cat(products)
        mean, variance = joined.mean(dim=0), joined.var(dim=0, correction=0)
        products = [(product - mean) / (variance + 1e-5).sqrt() for product in products]
    for row, own in zip(output.values, products, strict=True):
        expected = cells.layer(cell, own + bias, layer.recurrent, "clipped_relu")
        torch.testing.assert_close(row[: len(own)], expected, rtol=0, atol=1e-10)
        assert not row[len(own) :].any()


@pytest.mark.parametrize("cell", NAMES)
def test_begins_with_orthogonal_matrices(cell: str) -> None:
    matrices = Recurrence(4, 5, cell).recurrent.detach().reshape(-1, 5, 5)
    assert len(matrices) == 2 * GATES[cell]
    torch.testing.assert_close(matrices @ matrices.mT, torch.eye(5).expand_as(matrices))


@pytest.mark.parametrize("cell", NAMES)
def test_state_is_float32_under_autocast(cell: str) -> None:
    torch.manual_seed(0)
    layer = Recurrence(8, 16, cell)
    frames = Padded(torch.randn(3, 20, 8), torch.tensor([20, 7, 13]))
    plain = layer(frames).values
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(frames).values
        output.sum().backward()
    assert output.dtype == torch.float32
    torch.testing.assert_close(output, plain, rtol=0.1, atol=0.1)
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.dtype == torch.float32, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize(("batch", "time"), [(0, 0), (0, 4), (2, 0), (2, 4)])
@pytest.mark.parametrize("cell", NAMES)
def test_nothing_gives_nothing(cell: str, batch: int, time: int) -> None:
    layer = Recurrence(4, 5, cell)
    output = layer(Padded(torch.randn(batch, time, 4), torch.zeros(batch, dtype=torch.int64)))
    assert output.values.shape == (batch, time, 5)
    assert not output.values.any()
    output.values.sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert not parameter.grad.any(), name
