"""The contracts of augmentations pass sound ones, and fail those that break a promise."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor

from ds2kit.components import FeatureAugmentation, WaveformAugmentation
from ds2kit.testing import FeatureAugmentationContract, WaveformAugmentationContract


class Louder(WaveformAugmentation):
    """Scales to a drawn peak."""

    def __init__(self, sample_rate: int, *, lowest: float = 0.2) -> None:
        self.lowest = lowest

    def __call__(self, waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        peak = max(float(np.abs(waveform).max(initial=0.0)), self.least())
        scaled: np.ndarray = waveform * np.float32(self.drawn(generator) / peak)
        return scaled

    def drawn(self, generator: np.random.Generator) -> float:
        return float(generator.uniform(self.lowest, 1.0))

    def least(self) -> float:
        return 1e-4


class TestLouder(WaveformAugmentationContract):
    @pytest.fixture
    def augmentation(self) -> Louder:
        return Louder(16_000)


class UsesNumpysState(Louder):
    def drawn(self, generator: np.random.Generator) -> float:
        return float(np.random.uniform(self.lowest, 1.0))


class UsesPythonsState(Louder):
    def drawn(self, generator: np.random.Generator) -> float:
        return random.uniform(self.lowest, 1.0)


class UsesTorchsState(Louder):
    def drawn(self, generator: np.random.Generator) -> float:
        return float(torch.rand(()))


@pytest.mark.parametrize("kind", [UsesNumpysState, UsesPythonsState, UsesTorchsState])
def test_global_random_state_fails(kind: type[Louder]) -> None:
    with pytest.raises(AssertionError, match="it moved global random state"):
        WaveformAugmentationContract().test_draws_from_its_generator_only(kind(16_000))


class UsesAGeneratorOfItsOwn(Louder):
    """Draws anew each time, from the system's entropy."""

    def drawn(self, generator: np.random.Generator) -> float:
        return float(np.random.default_rng().uniform(self.lowest, 1.0))


def test_a_generator_of_its_own_fails() -> None:
    with pytest.raises(AssertionError, match="the same generator gave something else"):
        WaveformAugmentationContract().test_draws_from_its_generator_only(
            UsesAGeneratorOfItsOwn(16_000)
        )


class DividesBySilence(Louder):
    def least(self) -> float:
        return 0.0

    def __call__(self, waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        with np.errstate(all="ignore"):
            peak = np.abs(waveform).max(initial=0.0)
            scaled: np.ndarray = (waveform / peak).astype(np.float32)
        return scaled


def test_dividing_by_silence_fails() -> None:
    with pytest.raises(AssertionError, match="silence became NaN"):
        WaveformAugmentationContract().test_finite(DividesBySilence(16_000))


class Shortens(Louder):
    def __call__(self, waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return waveform[: int(len(waveform) * self.drawn(generator))]


class Doubles(Louder):
    def __call__(self, waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return waveform.astype(np.float64)


@pytest.mark.parametrize(
    ("kind", "message"), [(Shortens, "keep its length"), (Doubles, "give back float32")]
)
def test_another_shape_or_type_fails(kind: type[Louder], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        WaveformAugmentationContract().test_keeps_length_and_type(kind(16_000))


class WritesItsInput(Louder):
    def __call__(self, waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        waveform *= np.float32(self.drawn(generator))
        return waveform


def test_writing_into_the_waveform_fails() -> None:
    with pytest.raises(AssertionError, match="it wrote into its input"):
        WaveformAugmentationContract().test_leaves_its_input_alone(WritesItsInput(16_000))


class Mask(FeatureAugmentation):
    """Silences a drawn feature."""

    def __init__(self, features: int) -> None:
        self.features = features

    def __call__(self, frames: Tensor, generator: np.random.Generator) -> Tensor:
        masked = self.copied(frames)
        masked[:, self.drawn(generator)] = 0.0
        return masked

    def copied(self, frames: Tensor) -> Tensor:
        return frames.clone()

    def drawn(self, generator: np.random.Generator) -> int:
        return int(generator.integers(self.features))


class TestMask(FeatureAugmentationContract):
    @pytest.fixture
    def features(self) -> int:
        return 5

    @pytest.fixture
    def augmentation(self, features: int) -> Mask:
        return Mask(features)


class MasksByTorchsState(Mask):
    def drawn(self, generator: np.random.Generator) -> int:
        return int(torch.randint(self.features, ()))


def test_torchs_random_state_in_features_fails() -> None:
    with pytest.raises(AssertionError, match="it moved global random state"):
        FeatureAugmentationContract().test_draws_from_its_generator_only(MasksByTorchsState(5), 5)


class Remembers(Mask):
    """Masks what it masked before, and one more."""

    def __init__(self, features: int) -> None:
        super().__init__(features)
        self.masked: set[int] = set()

    def __call__(self, frames: Tensor, generator: np.random.Generator) -> Tensor:
        self.masked.add(self.drawn(generator))
        masked = frames.clone()
        masked[:, sorted(self.masked)] = 0.0
        return masked


def test_state_between_utterances_fails() -> None:
    with pytest.raises(AssertionError, match="another utterance before it changed the result"):
        FeatureAugmentationContract().test_draws_from_its_generator_only(Remembers(5), 5)


class MasksInPlace(Mask):
    def copied(self, frames: Tensor) -> Tensor:
        return frames


def test_writing_into_the_frames_fails() -> None:
    with pytest.raises(AssertionError, match="it wrote into its input"):
        FeatureAugmentationContract().test_leaves_its_input_alone(MasksInPlace(5), 5)


class DropsFrames(Mask):
    def copied(self, frames: Tensor) -> Tensor:
        return frames[1:].clone()


class Widens(Mask):
    def copied(self, frames: Tensor) -> Tensor:
        return frames.double()


@pytest.mark.parametrize(("kind", "message"), [(DropsFrames, "keep the shape"), (Widens, "type")])
def test_another_shape_or_type_of_frames_fails(kind: type[Mask], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        FeatureAugmentationContract().test_keeps_shape_and_type(kind(5), 5)


class DividesByTheFrames(Mask):
    def copied(self, frames: Tensor) -> Tensor:
        return frames / frames.std(dim=0)


def test_dividing_by_the_deviation_of_one_frame_fails() -> None:
    with pytest.raises(AssertionError, match="became NaN"):
        FeatureAugmentationContract().test_finite(DividesByTheFrames(5), 5)
