"""Utterances in one image: each as if it were alone, and gradients that are torch's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from ds2kit.encoders.fast import image as images
from ds2kit.encoders.fast.image import convolve_each, convolve_maps
from ds2kit.encoders.geometry import convolved, reach
from ds2kit.types import Padded


def drawn(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


@given(
    lengths=st.lists(st.integers(0, 9), max_size=4),
    reaches=st.integers(0, 4),
    stride=st.integers(1, 4),
    extra=st.integers(0, 2),
)
def test_every_utterance_is_convolved_as_if_alone(
    lengths: list[int], reaches: int, stride: int, extra: int
) -> None:
    kernel = 2 * reaches + 1
    time = max(lengths, default=0) + extra
    values, weight = drawn(len(lengths), time, 2), drawn(3, 2, kernel, 1)
    for row, length in zip(values, lengths, strict=True):
        row[length:] = float("nan")
    frames = Padded(values, torch.tensor(lengths, dtype=torch.int64))
    found = convolve_each(frames, weight, None, (stride, 1), lambda rows: rows).values

    assert found.shape == (len(lengths), convolved(time, kernel, stride), 3)
    for row, own, length in zip(found, values, lengths, strict=True):
        promised = convolved(length, kernel, stride)
        assert not row[promised:].any()
        if length:
            alone = F.conv1d(own[:length].T, weight[..., 0], stride=stride, padding=reaches).T
            torch.testing.assert_close(row[:promised], alone)


SHAPES = [
    # frequencies, channels, their number after, kernel, stride
    (9, 1, 4, (5, 3), (2, 2)),
    (20, 3, 2, (3, 17), (1, 2)),
    (20, 1, 2, (3, 17), (2, 3)),
    (1, 7, 5, (5, 1), (2, 1)),
    (3, 2, 2, (1, 17), (1, 1)),
    (40, 1, 3, (3, 15), (3, 40)),
]


@pytest.mark.parametrize(("frequencies", "channels", "maps", "kernel", "stride"), SHAPES)
@pytest.mark.parametrize("columns", [1, 20, 512])
@pytest.mark.parametrize("batch", [1, 2])
def test_gradients_are_torchs(
    frequencies: int,
    channels: int,
    maps: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    columns: int,
    batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(images, "COLUMNS", columns)
    image = drawn(batch, 13, frequencies, channels).requires_grad_()
    weight = drawn(maps, channels, *kernel).requires_grad_()
    ours = convolve_maps(image, weight, stride)
    padding = (0, reach(kernel[1]))
    theirs = F.conv2d(image.permute(0, 3, 1, 2), weight, None, stride, padding)
    torch.testing.assert_close(ours, theirs.permute(0, 2, 3, 1))
    torch.testing.assert_close(
        torch.autograd.grad(ours.square().sum(), [image, weight]),
        torch.autograd.grad(theirs.square().sum(), [image, weight]),
    )


@pytest.mark.parametrize("kernel", [(3, 3), (3, 17)])
def test_in_bf16_it_rounds_what_is_multiplied(kernel: tuple[int, int]) -> None:
    image, weight = drawn(1, 9, 20, 2).float(), drawn(4, 2, *kernel).float().requires_grad_()
    low = weight.detach().bfloat16().float().requires_grad_()
    ours = convolve_maps(image, weight, (1, 2), torch.bfloat16)
    theirs = convolve_maps(image.bfloat16().float(), low, (1, 2))
    torch.testing.assert_close(ours, theirs, rtol=2**-7, atol=0.1)
    (found,) = torch.autograd.grad(ours.square().sum(), [weight])
    (expected,) = torch.autograd.grad(theirs.square().sum(), [low])
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.02 * float(expected.abs().max()))
