"""Row convolution against a literal loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from ds2kit.encoders.row_convolution import RowConvolution
from ds2kit.types import Padded

Make = Callable[..., list[Tensor]]
Pad = Callable[..., Padded]


@pytest.mark.parametrize("lookahead", [0, 1, 3, 12])
def test_equation(lookahead: int, utterances: Make, padded: Pad) -> None:
    layer = RowConvolution(3, lookahead).double()
    torch.nn.init.normal_(layer.weight)
    weight = layer.weight.detach().numpy()
    speech = utterances([5, 0, 1, 8], 3)
    output = layer(padded(speech, extra=2))

    for utterance, row in zip(speech, output.values, strict=True):
        h = utterance.numpy()
        expected = np.zeros_like(h)
        for t, i in np.ndindex(h.shape):
            for j in range(lookahead + 1):
                if t + j < len(h):
                    expected[t, i] += weight[i, j] * h[t + j, i]
        np.testing.assert_allclose(row[: len(h)].detach().numpy(), expected, atol=1e-12)


def test_begins_as_the_identity() -> None:
    frames = Padded(torch.randn(2, 4, 3), torch.tensor([4, 4]))
    assert torch.equal(RowConvolution(3, 5)(frames).values, frames.values)


@pytest.mark.parametrize(("batch", "time"), [(0, 0), (0, 3), (2, 0)])
def test_nothing_gives_nothing(batch: int, time: int) -> None:
    layer = RowConvolution(3, 2)
    frames = Padded(torch.randn(batch, time, 3), torch.zeros(batch, dtype=torch.int64))
    output = layer(frames)
    assert output.values.shape == (batch, time, 3)
    output.values.sum().backward()


@pytest.mark.parametrize("lengths", [(1,), (1, 1), (5, 3, 3, 1)])
def test_gradcheck(lengths: tuple[int, ...], utterances: Make, padded: Pad) -> None:
    layer = RowConvolution(2, 3).double()
    values = padded(utterances(lengths, 2), fill=0.0).values.requires_grad_()

    def run(values: Tensor, weight: Tensor) -> Tensor:
        frames = Padded(values, torch.tensor(lengths))
        output: Padded = torch.func.functional_call(layer, {"weight": weight}, (frames,))
        return output.cleared().values

    assert torch.autograd.gradcheck(run, (values, layer.weight))
