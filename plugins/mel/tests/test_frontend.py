"""The contracts of every frontend, and what is particular to this one."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
import torch
from ds2kit_mel import plugin
from ds2kit_mel.frontend import Mel

from ds2kit.errors import UserError
from ds2kit.testing import FrontendContract, StreamingFrontendContract, speech
from ds2kit.types import Padded


class TestMel(FrontendContract, StreamingFrontendContract):
    @pytest.fixture
    def frontend(self) -> Mel:
        return Mel(16_000)


class TestTelephone(FrontendContract, StreamingFrontendContract):
    @pytest.fixture
    def frontend(self) -> Mel:
        return Mel(8_000, mels=23, low_hertz=100.0, high_hertz=3_700.0, window_ms=20.0)


def literal(sound: np.ndarray, mels: int, rate: int, low: float, high: float) -> np.ndarray:
    """[frames, mels] before normalising, by loops over a window of 25 ms and a step of 10 ms."""
    window, step = rate * 25 // 1000, rate // 100
    size = 2 ** math.ceil(math.log2(2 * window))
    hann = np.array([0.5 - 0.5 * math.cos(2 * math.pi * n / window) for n in range(window)])

    def scale(hertz: float) -> float:
        return 1127 * math.log(1 + hertz / 700)

    edges = [scale(low) + (scale(high) - scale(low)) * i / (mels + 1) for i in range(mels + 2)]
    rows = []
    for start in range(0, len(sound) - window + 1, step):
        padded = np.zeros(size)
        padded[:window] = sound[start : start + window] * hann
        power = np.abs(np.fft.fft(padded)) ** 2 / (hann**2).sum()
        row = []
        for left, top, right in zip(edges, edges[1:], edges[2:], strict=False):
            total = 0.0
            for k in range(size // 2 + 1):
                at = scale(k * rate / size)
                if left < at <= top:
                    total += power[k] * (at - left) / (top - left)
                elif top < at < right:
                    total += power[k] * (right - at) / (right - top)
            row.append(math.log(total + 1e-10))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(
    ("rate", "mels", "low", "high"), [(16_000, 40, 20.0, None), (8_000, 12, 300.0, 3_400.0)]
)
def test_is_the_literal_filterbank(rate: int, mels: int, low: float, high: float | None) -> None:
    sound = speech(rate // 20, rate).astype(np.float64)
    frontend = Mel(rate, mels=mels, low_hertz=low, high_hertz=high).double()
    batch = Padded(torch.from_numpy(sound)[None], torch.tensor([len(sound)]))
    expected = literal(sound, mels, rate, low, high or rate / 2)
    # The filters are kept in float32.
    np.testing.assert_allclose(frontend(batch).values[0].numpy(), expected, atol=1e-5)


def test_hears_a_tone_in_the_filter_of_its_pitch() -> None:
    frontend = Mel(16_000, mels=40)
    hertz = 1_000.0
    tone = torch.sin(2 * math.pi * hertz * torch.arange(16_000) / 16_000)
    loudest = frontend(Padded(tone[None], torch.tensor([16_000]))).values[0].argmax(dim=1)
    low, high = (1127 * math.log(1 + f / 700) for f in (20, 8_000))
    edges = np.linspace(low, high, 42)
    nearest = int(np.abs(edges[1:-1] - 1127 * math.log(1 + hertz / 700)).argmin())
    assert set(loudest.tolist()) == {nearest}


def test_learned_features_have_mean_0_and_deviation_1() -> None:
    frontend = Mel(16_000)
    sounds = [torch.from_numpy(speech(16_000, 16_000, seed=seed)) for seed in range(3)]
    batches = [Padded(sound[None], torch.tensor([16_000])) for sound in sounds]
    frontend.learn(iter(batches))
    frames = torch.cat([frontend(batch).values[0] for batch in batches])
    assert frames.mean(dim=0).abs().max() < 1e-4
    assert (frames.std(dim=0, correction=0) - 1).abs().max() < 1e-4


def test_the_state_is_what_was_learned() -> None:
    assert set(Mel(16_000).state_dict()) == {"mean", "deviation"}


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_defaults_work_at_every_rate(rate: int) -> None:
    frontend = Mel(rate)
    assert frontend.output_size == 80
    assert (frontend.filters.sum(dim=0) > 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"high_hertz": 8_000.1}, "nothing above half of that: take 8000 at most"),
        ({"low_hertz": 4_000.0, "high_hertz": 3_000.0}, "less than high_hertz"),
        ({"low_hertz": -1.0}, "low_hertz is -1"),
        ({"mels": 0}, "mels is 0; it takes at least 1"),
        ({"mels": 400}, "hold no frequency"),
        ({"window_ms": 0.0}, "window_ms is 0.0; it takes a positive number"),
        ({"step_ms": 10.01}, "160.16 samples at 16000 Hz"),
    ],
)
def test_refuses_what_it_cannot_filter(options: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Mel(16_000, **options)  # type: ignore[arg-type]


def test_refuses_to_learn_from_less_than_a_window() -> None:
    with pytest.raises(UserError, match="no utterance of the training split is as long as one"):
        Mel(16_000).learn([Padded(torch.zeros(2, 399), torch.tensor([399, 12]))])


def test_registers_what_it_brings() -> None:
    [(kind, name, path)] = plugin.ds2kit_components()
    module, _, attribute = path.partition(":")
    assert (kind, name) == ("frontend", "mel")
    assert getattr(importlib.import_module(module), attribute) is Mel
