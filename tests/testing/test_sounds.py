"""Synthesised sound is like speech in what tests rely on."""

from __future__ import annotations

import numpy as np
import pytest

from ds2kit.testing import speech


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("samples", [0, 1, 10, 12_345])
def test_has_as_many_samples_as_asked_for(samples: int, sample_rate: int) -> None:
    sound = speech(samples, sample_rate)
    assert sound.shape == (samples,)
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert np.abs(sound).max(initial=0.0) <= 1.0


def test_is_the_same_for_the_same_seed() -> None:
    assert np.array_equal(speech(4000, 16_000, seed=3), speech(4000, 16_000, seed=3))
    assert not np.array_equal(speech(4000, 16_000, seed=3), speech(4000, 16_000, seed=4))


def test_is_louder_below_4_khz_and_has_pauses() -> None:
    sound = speech(32_000, 16_000)
    power = np.abs(np.fft.rfft(sound)) ** 2
    assert power[:8_000].sum() > 10 * power[8_000:].sum()
    blocks = np.square(sound[:32_000].reshape(-1, 160)).mean(axis=1)
    assert blocks.min() < blocks.max() / 1_000
