"""EncoderContract passes an encoder that keeps its promises, and fails one that breaks any."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ds2kit.components import Encoder
from ds2kit.testing import EncoderContract
from ds2kit.types import Padded


class Norm(nn.Module):
    """Batch norm over valid frames: [batch, time, size] to the same."""

    mean: Tensor
    variance: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))

    def forward(self, frames: Padded) -> Padded:
        mean, variance = self.mean, self.variance
        valid = self.counted(frames)
        if self.training and self.worth_counting(valid):
            mean = valid.mean(dim=0)
            variance = (valid - mean).square().mean(dim=0)
            with torch.no_grad():
                self.mean.lerp_(mean, 0.1)
                self.variance.lerp_(variance, 0.1)
        normal = (frames.cleared().values - mean) / (variance + 1e-5).sqrt()
        return Padded(normal * self.gain + self.bias, frames.lengths)

    def counted(self, frames: Padded) -> Tensor:
        return frames.values[frames.mask()]

    def worth_counting(self, valid: Tensor) -> bool:
        return len(valid) > 0


class Healthy(Encoder):
    """A convolution of stride 2, batch norm, a rectifier, dropout, and a scale."""

    def __init__(self, input_size: int, *, width: int = 4) -> None:
        super().__init__()
        self.input_size, self.output_size, self.stride = input_size, width, 2
        self.scale = nn.Parameter(torch.ones(input_size))
        self.convolution = nn.Conv1d(input_size, width, 3, stride=2, padding=1)
        self.norm = self.make_norm(width)
        self.dropout = nn.Dropout(0.2)

    def make_norm(self, width: int) -> nn.Module:
        return Norm(width)

    def prepared(self, frames: Padded) -> Tensor:
        return frames.cleared().values * self.scale

    def forward(self, frames: Padded) -> Padded:
        hidden = self.convolution(self.prepared(frames).transpose(1, 2)).transpose(1, 2)
        normal = self.norm(Padded(hidden, self.real_lengths(frames, hidden.shape[1])))
        return Padded(self.dropout(normal.values.relu()), normal.lengths)

    def real_lengths(self, frames: Padded, time: int) -> Tensor:
        return (frames.lengths + 1) // 2


class TestHealthy(EncoderContract):
    @pytest.fixture
    def encoder(self) -> Healthy:
        return Healthy(3)


class ReadsPadding(Healthy):
    def prepared(self, frames: Padded) -> Tensor:
        return frames.values * self.scale


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_reading_padding_fails(dtype: str) -> None:
    contract = EncoderContract()
    check = {
        "float64": contract.test_padding_in_evaluation,
        "float32": contract.test_padding_in_evaluation_in_float32,
    }[dtype]
    with pytest.raises(
        AssertionError, match=r"something reads padding; clear it with frames.clear"
    ):
        check(ReadsPadding(3))


class HidesNan(Healthy):
    """Looks clean as long as only NaN is tried."""

    def prepared(self, frames: Padded) -> Tensor:
        return frames.values.nan_to_num(posinf=0.0) * self.scale


def test_reading_padding_that_is_not_nan_fails() -> None:
    with pytest.raises(AssertionError, match=r"changed by .* when padding held noise"):
        EncoderContract().test_padding_in_evaluation(HidesNan(3))


class ScalesBeforeClearing(Healthy):
    """Its outputs are right; the gradient of the scale is a sum of 0 * NaN."""

    def prepared(self, frames: Padded) -> Tensor:
        return Padded(frames.values * self.scale, frames.lengths).cleared().values


def test_nan_in_a_gradient_fails() -> None:
    encoder = ScalesBeforeClearing(3)
    EncoderContract().test_padding_in_evaluation(encoder)
    EncoderContract().test_padding_and_order_in_training(encoder)
    with pytest.raises(AssertionError, match="the gradient of 'scale' became NaN"):
        EncoderContract().test_gradients_ignore_padding(encoder)


class CountsPadding(Norm):
    def counted(self, frames: Padded) -> Tensor:
        return frames.cleared().values.flatten(0, 1)


class NormalisesPadding(Healthy):
    def make_norm(self, width: int) -> nn.Module:
        return CountsPadding(width)


def test_batch_norm_over_padding_fails() -> None:
    EncoderContract().test_padding_in_evaluation(NormalisesPadding(3))
    with pytest.raises(
        AssertionError, match=r"in training.*normalisation counts valid frames only"
    ):
        EncoderContract().test_padding_and_order_in_training(NormalisesPadding(3))


class CountsPaddingInStatistics(Norm):
    """Normalises by valid frames, but keeps statistics of all."""

    def forward(self, frames: Padded) -> Padded:
        if self.training:
            everything = frames.cleared().values.flatten(0, 1).detach()
            self.mean.lerp_(everything.mean(dim=0), 0.1)
        return super().forward(frames)


class KeepsStatisticsOfPadding(Healthy):
    def make_norm(self, width: int) -> nn.Module:
        return CountsPaddingInStatistics(width)


def test_running_statistics_over_padding_fail() -> None:
    with pytest.raises(AssertionError, match=r"the buffer 'norm.mean' changed by"):
        EncoderContract().test_padding_and_order_in_training(KeepsStatisticsOfPadding(3))


class RoundsToZero(Healthy):
    """Right but for an utterance of 0 frames, as division in C would have it."""

    def output_lengths(self, lengths: Tensor) -> Tensor:
        return torch.div(lengths - 1, 2, rounding_mode="trunc") + 1


class CountsInFractions(Healthy):
    """Carries lengths as shares of the longest, in float32: a frame is lost here and there."""

    def real_lengths(self, frames: Padded, time: int) -> Tensor:
        return (frames.lengths.float() / frames.values.shape[1] * time).long()


class LosesTheLastFrame(Healthy):
    def forward(self, frames: Padded) -> Padded:
        out = super().forward(frames)
        return Padded(out.values[:, :20], out.lengths)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (
            RoundsToZero(3),
            "says 1 for an utterance of 0 frames in a batch, forward's lengths say 0",
        ),
        (CountsInFractions(3), r"forward's lengths say"),
        (LosesTheLastFrame(3), r"forward gave 20 frames for a batch whose longest has 23"),
    ],
)
def test_lengths_off_by_one_fail(encoder: Encoder, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        EncoderContract().test_lengths_are_what_forward_gives(encoder)


class KeepsState(Healthy):
    """Adds what it heard last."""

    def __init__(self, input_size: int, *, width: int = 4) -> None:
        super().__init__(input_size, width=width)
        self.last = torch.zeros(width)

    def forward(self, frames: Padded) -> Padded:
        out = super().forward(frames)
        kept = Padded(out.values + self.last.to(out.values), out.lengths)
        self.last = out.values[:, :1].detach().mean(dim=(0, 1))
        return kept


def test_state_between_batches_fails() -> None:
    with pytest.raises(AssertionError, match="state is kept between batches"):
        EncoderContract().test_keeps_nothing_between_batches(KeepsState(3))


class LearnsInEvaluation(Healthy):
    def forward(self, frames: Padded) -> Padded:
        assert isinstance(self.norm, Norm)
        with torch.no_grad():
            self.norm.mean.mul_(0.9)
        return super().forward(frames)


def test_learning_in_evaluation_fails() -> None:
    with pytest.raises(AssertionError, match="in evaluation: only training may change it"):
        EncoderContract().test_keeps_nothing_between_batches(LearnsInEvaluation(3))


class DividesByNothing(Norm):
    def worth_counting(self, valid: Tensor) -> bool:
        return True


class PoisonedByNothing(Healthy):
    def make_norm(self, width: int) -> nn.Module:
        return DividesByNothing(width)


def test_statistics_of_nothing_fail() -> None:
    with pytest.raises(AssertionError, match=r"utterances of 0 frames.* made 'norm.mean' NaN"):
        EncoderContract().test_nothing_to_hear(PoisonedByNothing(3))


class DrawsElsewhere(Healthy):
    def forward(self, frames: Padded) -> Padded:
        out = super().forward(frames)
        return Padded(out.values * np.random.default_rng().random(), out.lengths)


def test_randomness_of_its_own_fails() -> None:
    with pytest.raises(AssertionError, match="draw from torch's generator only"):
        EncoderContract().test_same_seed_same_result(DrawsElsewhere(3))


class ForgetsItsStatistics(Healthy):
    """The running mean is no part of state_dict."""

    def make_norm(self, width: int) -> nn.Module:
        norm = Norm(width)
        norm.register_buffer("mean", torch.zeros(width), persistent=False)
        return norm


def test_statistics_that_are_not_saved_fail() -> None:
    with pytest.raises(AssertionError, match="is not in state_dict; make it a parameter"):
        EncoderContract().test_saving_and_loading(ForgetsItsStatistics(3))


class WritesItsInput(Healthy):
    def prepared(self, frames: Padded) -> Tensor:
        frames.values[~frames.mask()] = 0.0
        return super().prepared(frames)


def test_writing_into_the_input_fails() -> None:
    with pytest.raises(AssertionError, match="forward wrote into its input"):
        EncoderContract().test_leaves_its_input_alone(WritesItsInput(3))


class PositionalOption(Healthy):
    def __init__(self, input_size: int, width: int = 4) -> None:
        super().__init__(input_size, width=width)


class WhateverComes(Healthy):
    def __init__(self, input_size: int, **options: int) -> None:
        super().__init__(input_size, **options)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (PositionalOption(3), r"put a \* before the options"),
        (WhateverComes(3), "name its options as keyword-only parameters"),
    ],
)
def test_options_that_a_yaml_cannot_name_fail(encoder: Encoder, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        EncoderContract().test_takes_its_options_by_keyword(encoder)


def test_a_wrong_output_size_fails() -> None:
    encoder = Healthy(3)
    encoder.output_size = 5
    with pytest.raises(AssertionError, match="gave 4 features where output_size is 5"):
        EncoderContract().test_declares_its_sizes(encoder)
