"""The contracts of augmentations of waveforms and of features."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ds2kit.components import FeatureAugmentation, WaveformAugmentation
from ds2kit.testing.options import check_options
from ds2kit.testing.sounds import speech

SAMPLE_RATE = 16_000
SEEDS = range(10)
"""Several, since many an augmentation leaves some utterances as they are."""


class WaveformAugmentationContract:
    """Subclass it and give the fixture `augmentation`, made for 16,000 hertz."""

    @pytest.fixture
    def augmentation(self) -> WaveformAugmentation:
        raise NotImplementedError("give the contract yours: define the fixture `augmentation`")

    def test_takes_its_options_by_keyword(self, augmentation: WaveformAugmentation) -> None:
        """The constructor takes `sample_rate`, and keyword-only annotated options."""
        check_options(type(augmentation), ("sample_rate",))

    def test_keeps_length_and_type(self, augmentation: WaveformAugmentation) -> None:
        """[samples] float32 gives as many float32, from no sample on: transcripts hang on it."""
        for samples in (0, 1, 2, 100, SAMPLE_RATE):
            for seed in SEEDS:
                found = augmentation(_waveform(samples), np.random.default_rng(seed))
                assert found.shape == (samples,), (
                    f"a waveform of {samples} samples became {list(found.shape)}; keep its length"
                )
                assert found.dtype == np.float32, (
                    f"a waveform became {found.dtype}; give back float32"
                )

    def test_finite(self, augmentation: WaveformAugmentation) -> None:
        """Silence, one sample and full scale stay finite: no division by the power of nothing."""
        cases = {
            "silence": np.zeros(800, np.float32),
            "a single sample of silence": np.zeros(1, np.float32),
            "a single sample": np.ones(1, np.float32),
            "full scale": np.ones(800, np.float32),
        }
        for name, waveform in cases.items():
            for seed in SEEDS:
                found = augmentation(waveform, np.random.default_rng(seed))
                assert np.isfinite(found).all(), f"{name} became NaN or infinite"

    def test_draws_from_its_generator_only(self, augmentation: WaveformAugmentation) -> None:
        """Contract 6: the generator's seed decides; global random state is neither used nor moved.

        So a resumed run, and any number of workers, hear the same.
        """
        _check_generator(augmentation, _waveform(SAMPLE_RATE // 2), _waveform(333))

    def test_leaves_its_input_alone(self, augmentation: WaveformAugmentation) -> None:
        """The waveform that was given is the caller's."""
        waveform = _waveform(4000)
        before = waveform.copy()
        for seed in SEEDS:
            augmentation(waveform, np.random.default_rng(seed))
            assert np.array_equal(waveform, before), "it wrote into its input: work on a copy"


class FeatureAugmentationContract:
    """Subclass it and give the fixture `augmentation`, made for `features` features.

    Define the fixture `features` too where yours is made for another number than 161.
    """

    @pytest.fixture
    def features(self) -> int:
        return 161

    @pytest.fixture
    def augmentation(self, features: int) -> FeatureAugmentation:
        raise NotImplementedError("give the contract yours: define the fixture `augmentation`")

    def test_takes_its_options_by_keyword(self, augmentation: FeatureAugmentation) -> None:
        """The constructor takes the number of features, and keyword-only annotated options."""
        check_options(type(augmentation), ("features",))

    def test_keeps_shape_and_type(self, augmentation: FeatureAugmentation, features: int) -> None:
        """[frames, features] gives the same shape and type, from no frame on."""
        for dtype in (torch.float32, torch.float64):
            for frames in (0, 1, 2, 9, 200):
                for seed in SEEDS:
                    given = _frames(frames, features).to(dtype)
                    found = augmentation(given, np.random.default_rng(seed))
                    assert found.shape == given.shape, (
                        f"{list(given.shape)} became {list(found.shape)}; keep the shape"
                    )
                    assert found.dtype == dtype, f"{dtype} became {found.dtype}; keep the type"

    def test_finite(self, augmentation: FeatureAugmentation, features: int) -> None:
        """Features of silence, and a single frame, stay finite."""
        for frames in (torch.zeros(50, features), torch.zeros(1, features), _frames(1, features)):
            for seed in SEEDS:
                found = augmentation(frames, np.random.default_rng(seed))
                assert found.isfinite().all(), f"{len(frames)} frames became NaN or infinite"

    def test_draws_from_its_generator_only(
        self, augmentation: FeatureAugmentation, features: int
    ) -> None:
        """Contract 6: the generator's seed decides; global random state is neither used nor moved.

        So a resumed run, and any number of workers, see the same.
        """
        _check_generator(augmentation, _frames(120, features), _frames(17, features))

    def test_leaves_its_input_alone(self, augmentation: FeatureAugmentation, features: int) -> None:
        """The frames that were given are the caller's."""
        frames = _frames(60, features)
        before = frames.clone()
        for seed in SEEDS:
            augmentation(frames, np.random.default_rng(seed))
            assert torch.equal(frames, before), "it wrote into its input: work on a copy"


def _waveform(samples: int) -> np.ndarray:
    return speech(samples, SAMPLE_RATE, seed=1)


def _frames(frames: int, features: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(frames, features, generator=generator)


def _check_generator(augmentation: Callable[..., Any], given: Any, other: Any) -> None:
    """The same for the same generator: with other global seeds, other calls before, and a copy."""
    for seed in SEEDS:
        expected = _drawn(augmentation, given, seed, global_seed=1)
        again = _drawn(augmentation, given, seed, global_seed=2)
        assert _equal(again, expected), (
            "the same generator gave something else: it draws from global random state, or keeps "
            "state between calls; draw from the generator that it is given, and from nothing else"
        )
        augmentation(other, np.random.default_rng(seed + 100))
        again = _drawn(augmentation, given, seed, global_seed=1)
        assert _equal(again, expected), "another utterance before it changed the result"
        worker = pickle.loads(pickle.dumps(augmentation))
        again = _drawn(worker, given, seed, global_seed=1)
        assert _equal(again, expected), "a pickled copy, as in a loader's worker, differs"


def _drawn(augmentation: Callable[..., Any], given: Any, seed: int, *, global_seed: int) -> Any:
    """What it makes, while global random state is watched."""
    random.seed(global_seed)
    np.random.seed(global_seed)
    torch.manual_seed(global_seed)
    before = _global_state()
    result = copy.deepcopy(augmentation(given, np.random.default_rng(seed)))
    assert _global_state() == before, (
        "it moved global random state (of random, numpy or torch): draw from the generator that it "
        "is given, and from nothing else"
    )
    return result


def _global_state() -> tuple[Any, ...]:
    numpy_state = np.random.get_state(legacy=False)
    return random.getstate(), str(numpy_state), torch.get_rng_state().tolist()


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    return bool(np.array_equal(one, other))
