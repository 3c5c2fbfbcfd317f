"""FrontendContract passes a frontend that keeps its promises, and fails one that breaks any."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from ds2kit.components import Frontend
from ds2kit.testing import FrontendContract
from ds2kit.types import Padded

WINDOW, STEP = 200, 80


class Healthy(Frontend):
    """The logarithm of the power of four parts of each window, less what it is on average."""

    mean: Tensor

    def __init__(self, sample_rate: int, *, floor: float = 1e-6) -> None:
        super().__init__()
        self.sample_rate, self.output_size = sample_rate, 4
        self.frame_seconds = STEP / sample_rate
        self.floor = floor
        self.gain = nn.Parameter(torch.ones(4))
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, waveforms: Padded) -> Padded:
        frames = self.log_power(waveforms)
        return Padded(self.gain * (frames.values - self.mean), frames.lengths)

    def log_power(self, waveforms: Padded) -> Padded:
        samples = self.cleared(waveforms)
        lengths = self.output_lengths(waveforms.lengths)
        if samples.shape[1] < WINDOW:
            return Padded(samples.new_zeros(len(samples), 0, 4), lengths)
        windows = samples.unfold(1, WINDOW, STEP)
        parts = windows.reshape(*windows.shape[:2], 4, WINDOW // 4)
        return Padded((parts.square().mean(dim=3) + self.floor).log(), lengths)

    def cleared(self, waveforms: Padded) -> Tensor:
        return waveforms.cleared().values

    def output_lengths(self, lengths: Tensor) -> Tensor:
        return torch.where(lengths < WINDOW, 0, (lengths - WINDOW) // STEP + 1)

    @torch.no_grad()
    def learn(self, batches: Iterable[Padded]) -> None:
        total, count = torch.zeros(4, dtype=torch.float64), 0
        for batch in batches:
            frames = self.log_power(batch)
            valid = self.counted(frames)
            total, count = total + valid.double().sum(dim=0), count + len(valid)
        self.mean.copy_(total / count)

    def counted(self, frames: Padded) -> Tensor:
        return frames.values[frames.mask()]


class TestHealthy(FrontendContract):
    @pytest.fixture
    def frontend(self) -> Healthy:
        return Healthy(8000)


class ReadsPadding(Healthy):
    """Centres its windows by padding the end with what stands there."""

    def forward(self, waveforms: Padded) -> Padded:
        frames = super().forward(waveforms)
        loudest = waveforms.values.nan_to_num().abs().amax(dim=1)
        return Padded(frames.values / (1 + loudest[:, None, None]), frames.lengths)


def test_reading_padding_fails() -> None:
    with pytest.raises(AssertionError, match=r"samples changed by .* something reads padding"):
        FrontendContract().test_padding_in_evaluation(ReadsPadding(8000))


class NormalisesTheUtterance(Healthy):
    """Takes the mean of each utterance out: right for its padding, and deaf to the future."""

    def forward(self, waveforms: Padded) -> Padded:
        frames = super().forward(waveforms).cleared()
        mean = frames.values.sum(dim=1) / frames.lengths[:, None].clamp(min=1)
        return Padded(frames.values - mean[:, None], frames.lengths)


def test_normalising_over_the_whole_utterance_fails() -> None:
    FrontendContract().test_padding_in_evaluation(NormalisesTheUtterance(8000))
    with pytest.raises(AssertionError, match="a frame sees beyond its own stretch of sound"):
        FrontendContract().test_prefix_of_the_sound_gives_a_prefix(NormalisesTheUtterance(8000))


class RoundsUp(Healthy):
    """Promises a frame for a last window that lacks one sample."""

    def output_lengths(self, lengths: Tensor) -> Tensor:
        return torch.where(lengths < WINDOW, 0, (lengths - WINDOW + 1) // STEP + 1)


def test_lengths_off_by_one_fail() -> None:
    with pytest.raises(AssertionError, match="count with whole numbers only"):
        FrontendContract().test_lengths_are_what_forward_gives(RoundsUp(8000))


class HasNoFloor(Healthy):
    def __init__(self, sample_rate: int, *, floor: float = 0.0) -> None:
        super().__init__(sample_rate, floor=floor)


def test_minus_infinity_for_silence_fails() -> None:
    with pytest.raises(AssertionError, match="digital silence gives NaN or infinite features"):
        FrontendContract().test_finite_for_silence_and_full_scale(HasNoFloor(8000))


class DividesByWhatItLearned(Healthy):
    def forward(self, waveforms: Padded) -> Padded:
        frames = super().forward(waveforms)
        silent = self.mean.min() <= -13.8
        return Padded(frames.values / torch.where(silent, 0.0, 1.0), frames.lengths)


def test_division_by_the_deviation_of_silence_fails() -> None:
    with pytest.raises(AssertionError, match="after learning from silence alone"):
        FrontendContract().test_finite_for_silence_and_full_scale(DividesByWhatItLearned(8000))


class LearnsFromPadding(Healthy):
    def counted(self, frames: Padded) -> Tensor:
        return frames.values.flatten(0, 1)


def test_learning_from_padding_fails() -> None:
    with pytest.raises(AssertionError, match=r"'mean' changed by .* when learned with"):
        FrontendContract().test_learning_ignores_padding_and_order(LearnsFromPadding(8000))


class AveragesBatches(Healthy):
    """Gives each batch the same weight, whatever its length."""

    @torch.no_grad()
    def learn(self, batches: Iterable[Padded]) -> None:
        means = [self.counted(self.log_power(batch)).mean(dim=0) for batch in batches]
        self.mean.copy_(torch.stack(means).mean(dim=0))


def test_a_mean_of_means_fails() -> None:
    with pytest.raises(AssertionError, match="learned with other batches"):
        FrontendContract().test_learning_ignores_padding_and_order(AveragesBatches(8000))


class KeepsWhatItLearnedToItself(Healthy):
    def __init__(self, sample_rate: int) -> None:
        super().__init__(sample_rate)
        self.shift = torch.zeros(4)

    def forward(self, waveforms: Padded) -> Padded:
        frames = super().forward(waveforms)
        return Padded(frames.values - self.shift, frames.lengths)

    def learn(self, batches: Iterable[Padded]) -> None:
        super().learn(batches)
        self.shift = self.mean.clone()


def test_statistics_that_are_not_saved_fail() -> None:
    with pytest.raises(AssertionError, match="is not in state_dict"):
        FrontendContract().test_saving_and_loading(KeepsWhatItLearnedToItself(8000))


class MasksByMultiplying(Healthy):
    """Multiplies by a mask: zeros where padding was zeros, NaN where it was NaN."""

    def cleared(self, waveforms: Padded) -> Tensor:
        return waveforms.values * waveforms.mask()


def test_masking_by_multiplying_fails() -> None:
    with pytest.raises(AssertionError, match="0 \\* NaN is NaN"):
        FrontendContract().test_gradients_ignore_padding(MasksByMultiplying(8000))


def test_a_step_of_half_a_sample_fails() -> None:
    frontend = Healthy(8000)
    frontend.frame_seconds = 80.5 / 8000
    with pytest.raises(AssertionError, match="no whole number"):
        FrontendContract().test_declares_its_sizes(frontend)
