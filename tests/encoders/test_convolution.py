"""Convolutions against literal loops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from ds2kit.encoders.convolution import Convolution
from ds2kit.types import Padded

Make = Callable[..., list[Tensor]]
Pad = Callable[..., Padded]

LAYERS = {
    "1d": {"frequencies": 1, "channels": 4, "kernel": (5, 1), "stride": (2, 1)},
    "2d": {"frequencies": 7, "channels": 1, "kernel": (3, 5), "stride": (2, 2)},
    "2d, second": {"frequencies": 5, "channels": 3, "kernel": (5, 3), "stride": (1, 2)},
    "2d, stride 4": {"frequencies": 6, "channels": 1, "kernel": (5, 3), "stride": (4, 3)},
}


def layer_of(name: str, batch_norm: bool) -> Convolution:
    torch.manual_seed(0)
    return Convolution(output_channels=3, batch_norm=batch_norm, **LAYERS[name]).double()


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


@pytest.mark.parametrize("name", LAYERS)
def test_equation_without_batch_norm(name: str, utterances: Make, padded: Pad) -> None:
    layer = layer_of(name, batch_norm=False)
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


@pytest.mark.parametrize("name", LAYERS)
def test_equation_with_batch_norm(name: str, utterances: Make, padded: Pad) -> None:
    layer = layer_of(name, batch_norm=True)
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
def test_nothing_gives_nothing(batch: int, time: int) -> None:
    layer = layer_of("2d", batch_norm=True)
    frames = Padded(torch.randn(batch, time, 7).double(), torch.zeros(batch, dtype=torch.int64))
    output = layer(frames)
    assert output.values.shape == (batch, -(-time // 2), layer.output_size)
    output.values.sum().backward()
    assert not layer.convolution.weight.grad.any()
