"""Windows and statistics against literal loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.errors import UserError
from ds2kit.frontends.framing import LEAST_DEVIATION, Framing, frame_statistics
from ds2kit.types import Padded


def test_power_is_that_of_a_literal_transform() -> None:
    framing = Framing.of("mine", 1000, window_ms=8.0, step_ms=3.0)
    wave = torch.randn(1, 30, dtype=torch.float64)

    power = framing.power(Padded(wave, torch.tensor([30])), 16, torch.float64)

    hann = [0.5 - 0.5 * np.cos(2 * np.pi * n / 8) for n in range(8)]
    energy = sum(weight**2 for weight in hann)
    for frame in range(int(power.lengths[0])):
        for k in range(9):
            total = sum(
                hann[n] * float(wave[0, 3 * frame + n]) * np.exp(-2j * np.pi * k * n / 16)
                for n in range(8)
            )
            assert float(power.values[0, frame, k]) == pytest.approx(abs(total) ** 2 / energy)


def test_white_noise_has_its_variance_in_every_bin() -> None:
    framing = Framing.of("mine", 16000, window_ms=20.0, step_ms=10.0)
    noise = 0.1 * torch.randn(1, 800_000, generator=torch.Generator().manual_seed(1))

    power = framing.power(Padded(noise, torch.tensor([800_000])), 320, torch.float32)

    middle = power.values[0, :, 5:-5].mean(dim=0)
    assert torch.allclose(middle, torch.full_like(middle, 0.01), rtol=0.1)


def test_statistics_are_those_of_all_valid_frames_joined() -> None:
    lengths = [[3, 5], [1, 0], [4, 4]]
    batches = [Padded(torch.full((2, 6, 3), float("nan")), torch.tensor(pair)) for pair in lengths]
    frames = []
    for batch in batches:
        for values, length in zip(batch.values, batch.lengths.tolist(), strict=True):
            values[:length] = torch.randn(length, 3) + 5
            frames.append(values[:length])

    mean, deviation = frame_statistics(batches)

    joined = np.concatenate([frame.double().numpy() for frame in frames])
    assert np.allclose(mean, joined.mean(axis=0))
    assert np.allclose(deviation, joined.std(axis=0))


def test_a_feature_that_does_not_move_is_not_blown_up() -> None:
    _, deviation = frame_statistics([Padded(torch.ones(1, 4, 2), torch.tensor([4]))])

    assert deviation.tolist() == [LEAST_DEVIATION] * 2


@given(
    window=st.integers(1, 12),
    step=st.integers(1, 5),
    begin=st.integers(0, 9),
    length=st.integers(0, 30),
)
def test_whole_windows_are_those_without_a_void_sample(
    window: int, step: int, begin: int, length: int
) -> None:
    valid = torch.zeros(2, 40, dtype=torch.bool)
    valid[1, begin : begin + length] = True

    found = Framing(1000, window, step).whole(valid)

    for stream in range(2):
        starts = range(0, 40 - window + 1, step)
        expected = [all(valid[stream, t : t + window].tolist()) for t in starts]
        assert found[stream].tolist() == expected


@given(window=st.integers(1, 40), step=st.integers(1, 15))
def test_the_delay_is_the_least_of_whole_steps(window: int, step: int) -> None:
    delay = Framing(1000, window, step).delay

    assert delay % step == 0
    # A step after the delay, the window has ended; and not a step earlier.
    assert window <= delay + step
    assert delay == 0 or window > delay


def test_not_a_single_frame_is_refused() -> None:
    with pytest.raises(UserError, match="prepare longer ones"):
        frame_statistics([Padded(torch.zeros(1, 0, 2), torch.tensor([0]))])


def test_all_wrong_durations_are_told_together() -> None:
    with pytest.raises(UserError, match=r"(?s)mine: 2 problems.*window_ms is 0.*step_ms is 10.03"):
        Framing.of("mine", 16000, window_ms=0.0, step_ms=10.03)
