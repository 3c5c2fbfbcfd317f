"""The layers against literal loops, and the recurrence against the equations of its cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from ds2kit.encoders import cells
from ds2kit.encoders.cells import CELLS
from ds2kit.encoders.layers import Convolution, Recurrence, RowConvolution
from ds2kit.types import Padded

Make = Callable[..., list[Tensor]]
Pad = Callable[..., Padded]

NAMES = ["gru", "rnn", "lstm"]
GATES = {name: cell.gates for name, cell in CELLS.items()}

CONVOLUTIONS = {
    "1d": {"frequencies": 1, "channels": 4, "kernel": (5, 1), "stride": (2, 1)},
    "2d": {"frequencies": 7, "channels": 1, "kernel": (3, 5), "stride": (2, 2)},
    "2d, second": {"frequencies": 5, "channels": 3, "kernel": (5, 3), "stride": (1, 2)},
    "2d, stride 4": {"frequencies": 6, "channels": 1, "kernel": (5, 3), "stride": (4, 3)},
}


def convolution_of(name: str, batch_norm: bool) -> Convolution:
    torch.manual_seed(0)
    return Convolution(output_channels=3, batch_norm=batch_norm, **CONVOLUTIONS[name]).double()


def literal(layer: Convolution, speech: np.ndarray) -> np.ndarray:
    """[time, frequencies, channels] of one utterance, with nothing around it; no norm, no clip."""
    weight = layer.convolution.weight.detach().numpy()
    outputs, channels, times, frequencies = weight.shape
    stride_time, stride_frequency = layer.convolution.stride
    frames, bins = -(-len(speech) // stride_time), -(-layer.frequencies // stride_frequency)
    result = np.zeros((frames, bins, outputs))
    for t, f, o in np.ndindex(result.shape):
        for c, i, j in np.ndindex(channels, times, frequencies):
            time = t * stride_time + i - times // 2
            frequency = f * stride_frequency + j - frequencies // 2
            if 0 <= time < len(speech) and 0 <= frequency < layer.frequencies:
                result[t, f, o] += weight[o, c, i, j] * speech[time, frequency, c]
    return result


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution_without_batch_norm(name: str, utterances: Make, padded: Pad) -> None:
    layer = convolution_of(name, batch_norm=False)
    torch.nn.init.normal_(layer.convolution.bias)
    shape = (layer.frequencies, layer.channels)
    speech = [9 * utterance for utterance in utterances([6, 0, 1, 9], shape[0] * shape[1])]
    output = layer(padded(speech, extra=3))

    for utterance, row, length in zip(speech, output.values, output.lengths, strict=True):
        maps = literal(layer, utterance.reshape(-1, *shape).numpy())
        maps = np.clip(maps + layer.convolution.bias.detach().numpy(), 0, 20)
        assert length == len(maps)
        expected = maps.reshape(len(maps), layer.output_size)
        np.testing.assert_allclose(row[:length].detach().numpy(), expected, atol=1e-10)
        assert not row[length:].any()


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution_with_batch_norm(name: str, utterances: Make, padded: Pad) -> None:
    layer = convolution_of(name, batch_norm=True)
    assert layer.convolution.bias is None
    shape = (layer.frequencies, layer.channels)
    speech = utterances([6, 1, 9], shape[0] * shape[1])
    output = layer(padded(speech))

    maps = [literal(layer, utterance.reshape(-1, *shape).numpy()) for utterance in speech]
    joined = np.concatenate(maps).reshape(-1, layer.output_channels)
    for row, own in zip(output.values, maps, strict=True):
        normal = (own - joined.mean(axis=0)) / np.sqrt(joined.var(axis=0) + 1e-5)
        expected = np.clip(normal, 0, 20).reshape(len(own), -1)
        np.testing.assert_allclose(row[: len(own)].detach().numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("time", [0, 1, 3])
def test_a_convolution_of_nothing_gives_nothing(batch: int, time: int) -> None:
    layer = convolution_of("2d", batch_norm=True)
    frames = Padded(torch.randn(batch, time, 7).double(), torch.zeros(batch, dtype=torch.int64))
    output = layer(frames)
    assert output.values.shape == (batch, -(-time // 2), layer.output_size)
    output.values.sum().backward()
    assert not layer.convolution.weight.grad.any()


@pytest.mark.parametrize("cell", NAMES)
@pytest.mark.parametrize("batch_norm", [True, False])
def test_a_recurrence_shares_its_input_matrix_and_normalises_it_alone(
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
def test_a_recurrence_begins_with_orthogonal_matrices(cell: str) -> None:
    matrices = Recurrence(4, 5, cell).recurrent.detach().reshape(-1, 5, 5)
    assert len(matrices) == 2 * GATES[cell]
    torch.testing.assert_close(matrices @ matrices.mT, torch.eye(5).expand_as(matrices))


@pytest.mark.parametrize("cell", NAMES)
def test_a_recurrences_state_is_float32_under_autocast(cell: str) -> None:
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
def test_a_recurrence_of_nothing_gives_nothing(cell: str, batch: int, time: int) -> None:
    layer = Recurrence(4, 5, cell)
    output = layer(Padded(torch.randn(batch, time, 4), torch.zeros(batch, dtype=torch.int64)))
    assert output.values.shape == (batch, time, 5)
    assert not output.values.any()
    output.values.sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert not parameter.grad.any(), name


@pytest.mark.parametrize("lookahead", [0, 1, 3, 12])
def test_row_convolution_sees_ahead(lookahead: int, utterances: Make, padded: Pad) -> None:
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


def test_a_row_convolution_begins_as_the_identity() -> None:
    frames = Padded(torch.randn(2, 4, 3), torch.tensor([4, 4]))
    assert torch.equal(RowConvolution(3, 5)(frames).values, frames.values)


@pytest.mark.parametrize(("batch", "time"), [(0, 0), (0, 3), (2, 0)])
def test_a_row_convolution_of_nothing_gives_nothing(batch: int, time: int) -> None:
    layer = RowConvolution(3, 2)
    frames = Padded(torch.randn(batch, time, 3), torch.zeros(batch, dtype=torch.int64))
    output = layer(frames)
    assert output.values.shape == (batch, time, 3)
    output.values.sum().backward()


@pytest.mark.parametrize("lengths", [(1,), (1, 1), (5, 3, 3, 1)])
def test_gradients_of_a_row_convolution(
    lengths: tuple[int, ...], utterances: Make, padded: Pad
) -> None:
    layer = RowConvolution(2, 3).double()
    values = padded(utterances(lengths, 2), fill=0.0).values.requires_grad_()

    def run(values: Tensor, weight: Tensor) -> Tensor:
        frames = Padded(values, torch.tensor(lengths))
        output: Padded = torch.func.functional_call(layer, {"weight": weight}, (frames,))
        return output.cleared().values

    assert torch.autograd.gradcheck(run, (values, layer.weight))
