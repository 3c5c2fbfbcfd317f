"""The numbers of a network that is trained for a benchmark: its layers, its batch, its products."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, cast

from torch import nn

from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.encoders.geometry import convolved

FEATURES = 161
FRAMES_PER_SECOND = 100
VOCABULARY = 29
BACKWARD = 2
"""Products that a product of the forward pass needs in the backward pass."""

Pair: TypeAlias = tuple[int, int]
"""Of time and of frequency."""


@dataclass(frozen=True)
class ConvolutionShape:
    """A 2D convolution with `reach(kernel)` zeros on each side."""

    channels: int
    output_channels: int
    kernel: Pair
    stride: Pair
    output_frequencies: int

    @property
    def output_size(self) -> int:
        return self.output_channels * self.output_frequencies

    @property
    def operations_per_frame(self) -> int:
        """Multiplications and additions for a frame that comes out."""
        return 2 * self.output_size * self.channels * self.kernel[0] * self.kernel[1]


@dataclass(frozen=True)
class Network:
    """What `DeepSpeech2` makes of its options.

    options: `cell`, `width`, `layers`, `bidirectional`, `convolutions` and others
    """

    options: Mapping[str, Any]

    @property
    def image(self) -> tuple[int, int]:
        """Channels and frequencies of the spectrogram; where it has one frequency, all features
        are channels."""
        channels = self.convolutions[0].channels
        return channels, FEATURES // channels

    @cached_property
    def convolutions(self) -> tuple[ConvolutionShape, ...]:
        """As ds2kit resolves them, which a narrow network tells as well."""
        narrow = DeepSpeech2(FEATURES, **{**self.options, "width": 1, "layers": 1})
        found = [module for module in narrow.modules() if isinstance(module, nn.Conv2d)]
        shapes: list[ConvolutionShape] = []
        frequencies = FEATURES // found[0].in_channels
        for module in found:
            kernel, stride = cast(Pair, module.kernel_size), cast(Pair, module.stride)
            frequencies = convolved(frequencies, kernel[1], stride[1])
            shapes.append(
                ConvolutionShape(
                    module.in_channels, module.out_channels, kernel, stride, frequencies
                )
            )
        return tuple(shapes)


def operations(
    network: Network, lengths: Sequence[int], weights: Mapping[str, int]
) -> dict[str, int]:
    """Operations of the products in each part of a step, forward and backward.

    lengths: frames of each utterance; those of padding do not count
    weights: numbers in the matrices of each part above the convolutions; a frame meets each once
    """
    forward = []
    for shape in network.convolutions:
        lengths = [convolved(length, shape.kernel[0], shape.stride[0]) for length in lengths]
        forward.append(sum(lengths) * shape.operations_per_frame)
    # Nobody asks for the gradient of the spectrogram.
    convolution = (1 + BACKWARD) * sum(forward) - forward[0]
    each = (1 + BACKWARD) * 2 * sum(lengths)
    return {"convolution": convolution} | {part: each * count for part, count in weights.items()}


def drawn_lengths(batch: int, seconds: float, fill: float, seed: int = 1) -> list[int]:
    """Frames of each utterance, longest first: many long ones and a few short ones.

    seconds: of audio in the batch, without padding
    fill: share of the padded rectangle that is audio, between 1 / batch and 1
    """
    draw = random.Random(seed)
    shares = [draw.random() for _ in range(batch - 1)]
    # The mean of 1 and the shares to some power falls with the power: find where it is `fill`.
    low, high = 0.0, 1000.0
    for _ in range(60):
        power = (low + high) / 2
        if 1 + sum(share**power for share in shares) > fill * batch:
            low = power
        else:
            high = power
    longest = seconds * FRAMES_PER_SECOND / (1 + sum(share**low for share in shares))
    lengths = [longest, *(longest * share**low for share in shares)]
    return sorted((max(1, round(length)) for length in lengths), reverse=True)


def filled(lengths: Sequence[int]) -> float:
    """Frames of audio over frames with padding."""
    return sum(lengths) / (max(lengths) * len(lengths))
