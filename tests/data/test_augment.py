"""Augmentation: measured ratios, silence, lengths, and draws from the generator alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ds2kit.data.augment import Gain, Noise, SpecAugment, coloured_noise
from ds2kit.errors import UserError

RATE = 16000


def speech(samples: int) -> NDArray[np.float32]:
    draw = np.random.default_rng(3)
    return (0.1 * draw.standard_normal(samples) * np.sin(np.arange(samples) / 900)).astype("f4")


def draws(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def recording(folder: Path, name: str, samples: NDArray[np.floating], rate: int = RATE) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)
    return path


def measured_snr_db(clean: NDArray[np.float32], noisy: NDArray[np.float32]) -> float:
    noise = noisy.astype(np.float64) - clean
    return float(10 * np.log10(np.sum(clean.astype(np.float64) ** 2) / np.sum(noise**2)))


@given(samples=st.integers(0, 3000), seed=st.integers(0, 2**32))
def test_waveforms_keep_length_and_type_and_repeat_themselves(samples: int, seed: int) -> None:
    clean = speech(samples)
    kept = clean.copy()
    for augmentation in (Gain(RATE), Noise(RATE, share=1.0)):
        one, again = augmentation(clean, draws(seed)), augmentation(clean, draws(seed))

        assert one.shape == clean.shape
        assert one.dtype == np.float32
        assert np.isfinite(one).all()
        np.testing.assert_array_equal(one, again)
        np.testing.assert_array_equal(clean, kept)


def test_gain_stays_in_its_range_and_does_not_clip() -> None:
    loud = np.full(100, 0.9, np.float32)
    gains = [
        20 * np.log10(Gain(RATE, low_db=-3, high_db=9)(loud, draws(i))[0] / 0.9) for i in range(200)
    ]

    assert -3.001 < min(gains) < -2
    assert 8 < max(gains) < 9.001


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.5, 40.0])
@pytest.mark.parametrize("samples", [100, 16000, 50001])
def test_made_noise_has_the_ratio_that_was_drawn(snr_db: float, samples: int) -> None:
    clean = speech(samples)
    for seed in range(5):
        noise = Noise(RATE, share=1.0, low_snr_db=snr_db, high_snr_db=snr_db)
        assert measured_snr_db(clean, noise(clean, draws(seed))) == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("noise_seconds", [0.05, 0.7, 5.0])
def test_recorded_noise_has_the_ratio_however_long_it_is(
    tmp_path: Path, rate: int, noise_seconds: float
) -> None:
    hiss = 0.3 * draws(1).standard_normal((int(noise_seconds * rate), 2)).clip(-3, 3)
    recording(tmp_path, "within/hiss.FLAC", hiss, rate)
    clean = speech(20000)
    noise = Noise(RATE, share=1.0, low_snr_db=7.0, high_snr_db=7.0, folder=tmp_path)

    heard = [noise(clean, draws(seed)) for seed in range(4)]

    for noisy in heard:
        assert measured_snr_db(clean, noisy) == pytest.approx(7.0, abs=0.1)
    assert not np.allclose(heard[0], heard[1])


def test_noise_falls_on_its_share_within_its_range() -> None:
    clean = speech(2000)
    noise = Noise(RATE, share=0.4, low_snr_db=5.0, high_snr_db=25.0)
    outcomes = [noise(clean, draws(seed)) for seed in range(1000)]
    touched = [noisy for noisy in outcomes if not np.array_equal(noisy, clean)]
    ratios = [measured_snr_db(clean, noisy) for noisy in touched]

    assert 0.35 < len(touched) / 1000 < 0.45
    assert 4.9 < min(ratios) < 7
    assert 23 < max(ratios) < 25.1


def test_silence_is_left_alone(tmp_path: Path) -> None:
    clean, silent = speech(8000), np.zeros(8000, np.float32)
    recording(tmp_path, "silence.wav", np.zeros(4000))
    made, recorded = Noise(RATE, share=1.0), Noise(RATE, share=1.0, folder=tmp_path)

    np.testing.assert_array_equal(made(silent, draws()), silent)
    np.testing.assert_array_equal(recorded(clean, draws()), clean)
    np.testing.assert_array_equal(recorded(silent, draws()), silent)


def test_made_noise_is_of_many_colours() -> None:
    def tilt(noise: NDArray[np.float64]) -> float:
        power = np.abs(np.fft.rfft(noise)) ** 2
        return float(10 * np.log10(power[100:1000].mean() / power[10000:16000].mean()))

    tilts = [tilt(coloured_noise(32768, RATE, draws(seed))) for seed in range(40)]

    assert min(tilts) < 4
    assert max(tilts) > 20


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_a_folder_without_recordings_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=rf"{folder} holds no recordings.*\.flac"):
        Noise(RATE, folder=tmp_path / folder)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Gain(RATE, low_db=3, high_db=-3), "low_db is 3"),
        (lambda: Noise(RATE, low_snr_db=30), "low_snr_db is 30"),
        (lambda: Noise(RATE, share=1.5), "share is 1.5"),
        (lambda: SpecAugment(161, time_share=2.0), "time_share is 2"),
    ],
)
def test_options_out_of_range_are_refused(make: Callable[[], object], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        make()


@given(time=st.integers(0, 300), features=st.integers(1, 161), seed=st.integers(0, 2**32))
def test_masks_are_zero_and_no_wider_than_allowed(time: int, features: int, seed: int) -> None:
    frames = torch.ones(time, features)
    augmentation = SpecAugment(features, time_masks=1, frequency_masks=1)

    masked = augmentation(frames, draws(seed))

    assert masked.shape == frames.shape
    assert bool(((masked == 0) | (masked == 1)).all())
    assert bool((frames == 1).all())
    if time:
        whole_rows = int((masked == 0).all(dim=1).sum())
        whole_columns = int((masked == 0).all(dim=0).sum())
        assert whole_rows <= min(40, 0.15 * time)
        assert whole_columns <= min(20, features // 2)
    torch.testing.assert_close(masked, augmentation(frames, draws(seed)))


def test_masks_fall_on_both_axes_and_everywhere() -> None:
    frames = torch.ones(200, 80)
    augmentation = SpecAugment(80)
    masked = torch.stack([augmentation(frames, draws(seed)) for seed in range(300)]) == 0

    share_of_frames = masked.all(dim=2).float().mean(dim=0)
    share_of_features = masked.all(dim=1).float().mean(dim=0)
    assert bool((share_of_frames > 0).all())
    assert share_of_frames.mean() == pytest.approx(2 * 15 / 200, rel=0.2)
    assert bool((share_of_features > 0).all())
