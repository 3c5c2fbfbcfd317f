"""The recurrent cells against NumPy and torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from ds2kit.encoders import cells

Make = Callable[..., list[Tensor]]


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
