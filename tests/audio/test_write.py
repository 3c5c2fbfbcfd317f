"""Sound that a recipe made, as a file."""

from __future__ import annotations

import numpy as np

from ds2kit.audio.read import read
from ds2kit.audio.write import wav


def test_what_came_from_16_bits_comes_back_exactly() -> None:
    samples = np.arange(-32768, 32768, dtype=np.float32) / 32768

    again = read(wav(samples, 8000), 8000)

    np.testing.assert_array_equal(again, samples)


def test_anything_else_is_rounded_and_clipped() -> None:
    samples = np.random.default_rng(1).uniform(-1.5, 1.5, 5000)

    again = read(wav(samples, 22_050), 22_050)

    assert np.abs(again - np.clip(samples, -1, 32767 / 32768)).max() <= 0.5 / 32768 + 1e-7


def test_no_sound_is_a_header() -> None:
    assert len(wav(np.zeros(0), 8000)) == 44
