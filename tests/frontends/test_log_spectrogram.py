"""The log spectrogram against a literal transform, and its promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.errors import UserError
from ds2kit.frontends.log_spectrogram import LogSpectrogram
from ds2kit.testing import FrontendContract, StreamingFrontendContract
from ds2kit.types import Chunk, Padded


class TestContract(FrontendContract, StreamingFrontendContract):
    @pytest.fixture
    def frontend(self) -> LogSpectrogram:
        return LogSpectrogram(8000)


class TestOverlap(StreamingFrontendContract):
    """A window of three steps, and one that is no whole number of them."""

    @pytest.fixture(params=[24.0, 17.0])
    def frontend(self, request: pytest.FixtureRequest) -> LogSpectrogram:
        return LogSpectrogram(1000, window_ms=request.param, step_ms=8.0)


class TestGaps(StreamingFrontendContract):
    """A window of a step, and one that leaves samples out: nothing is late."""

    @pytest.fixture(params=[8.0, 5.0])
    def frontend(self, request: pytest.FixtureRequest) -> LogSpectrogram:
        return LogSpectrogram(1000, window_ms=request.param, step_ms=8.0)


def waves(lengths: list[int], extra: int = 0, seed: int = 0) -> Padded:
    """Noise in float64, NaN in the padding."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.full((len(lengths), max(lengths) + extra), float("nan"), dtype=torch.float64)
    for row, length in zip(values, lengths, strict=True):
        row[:length] = 0.1 * torch.randn(length, generator=generator, dtype=torch.float64)
    return Padded(values, torch.tensor(lengths))


def literal(samples: np.ndarray, window: int, step: int) -> np.ndarray:
    """[frames, bins], by the definition of the discrete Fourier transform."""
    hann = np.sin(np.pi * np.arange(window) / window) ** 2
    frames = []
    for start in range(0, len(samples) - window + 1, step):
        weighted = samples[start : start + window] * hann
        bins = np.arange(window // 2 + 1)
        turns = np.exp(-2j * np.pi * bins[:, None] * np.arange(window) / window)
        power = np.abs(turns @ weighted) ** 2 / np.sum(hann**2)
        frames.append(np.log(power + 1e-10))
    return np.array(frames).reshape(len(frames), window // 2 + 1)


def test_equation() -> None:
    frontend = LogSpectrogram(1000, window_ms=12, step_ms=5).double()
    torch.nn.init.normal_(frontend.mean)
    torch.nn.init.uniform_(frontend.deviation, 0.5, 2)
    batch = waves([40, 3, 12, 0, 57], extra=4)
    output = frontend(batch)

    mean, deviation = frontend.mean.numpy(), frontend.deviation.numpy()
    for number, length in enumerate(batch.lengths.tolist()):
        expected = literal(batch.values[number, :length].numpy(), 12, 5)
        assert output.lengths[number] == len(expected)
        row = output.values[number].numpy()
        np.testing.assert_allclose(
            row[: len(expected)], (expected - mean) / deviation, rtol=0, atol=1e-9
        )
        assert not row[len(expected) :].any()


@pytest.mark.parametrize(("sample_rate", "bins"), [(16000, 161), (8000, 81)])
def test_sizes(sample_rate: int, bins: int) -> None:
    frontend = LogSpectrogram(sample_rate)
    assert frontend.output_size == bins
    assert frontend.frame_seconds == 0.01
    one_second = frontend(Padded(torch.randn(1, sample_rate), torch.tensor([sample_rate])))
    assert one_second.values.shape == (1, 99, bins)


def test_noise_has_its_variance_in_every_bin() -> None:
    frontend = LogSpectrogram(16000)
    noise = 0.01 * torch.randn(1, 16000 * 20)
    power = frontend(Padded(noise, torch.tensor([noise.shape[1]]))).values.exp()
    torch.testing.assert_close(power.mean(), torch.tensor(1e-4), rtol=0.02, atol=0)


@pytest.mark.parametrize(
    ("window_ms", "delay_ms"), [(20.0, 10), (25.0, 20), (30.0, 20), (31.0, 30), (10.0, 0), (3.0, 0)]
)
def test_a_frame_is_out_with_the_step_that_completes_its_window(
    window_ms: float, delay_ms: int
) -> None:
    frontend = LogSpectrogram(8000, window_ms=window_ms)
    assert (frontend.stride, frontend.delay) == (80, 8 * delay_ms)
    sound = torch.randn(1, 80 * 6)
    chunk = Chunk(sound, torch.ones_like(sound, dtype=torch.bool))
    out, _ = frontend.step(chunk, frontend.initial_state(1))
    first = int(out.valid[0].nonzero()[0])
    assert first * 10 == delay_ms


@given(st.integers(0, 400), st.integers(0, 30))
def test_lengths_are_what_forward_gives(length: int, extra: int) -> None:
    frontend = LogSpectrogram(1000, window_ms=20, step_ms=10)
    output = frontend(Padded(torch.zeros(2, length + extra), torch.tensor([length, 0])))
    expected = len(range(0, length - 19, 10))
    assert output.lengths.tolist() == [expected, 0]
    assert frontend.output_lengths(torch.tensor([length])).tolist() == [expected]
    assert output.values.shape[1] >= expected


@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("samples", [0, 1, 159, 160])
def test_short_sound(batch: int, samples: int) -> None:
    frontend = LogSpectrogram(8000)
    lengths = torch.full((batch,), samples, dtype=torch.int64)
    output = frontend(Padded(torch.zeros(batch, samples), lengths))
    assert output.values.shape == (batch, int(samples == 160), 81)


def test_learns_the_statistics_of_valid_frames() -> None:
    frontend = LogSpectrogram(1000, window_ms=20, step_ms=10).double()
    batches = [waves([90, 5, 33], seed=1), waves([20], seed=2), waves([7]), waves([300, 41])]
    frontend.learn(iter(batches))

    frames = np.concatenate(
        [
            literal(row[:length].numpy(), 20, 10)
            for batch in batches
            for row, length in zip(batch.values, batch.lengths.tolist(), strict=True)
        ]
    )
    np.testing.assert_allclose(frontend.mean.numpy(), frames.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(frontend.deviation.numpy(), frames.std(axis=0), atol=1e-9)
    normal = torch.cat([frontend(b).values[frontend(b).mask()] for b in batches])
    torch.testing.assert_close(normal.mean(dim=0), torch.zeros(11).double(), rtol=0, atol=1e-9)

    frontend.learn(batches[:1])
    again = LogSpectrogram(1000, window_ms=20, step_ms=10).double()
    again.learn(batches[:1])
    assert torch.equal(frontend.mean, again.mean)


def test_statistics_are_saved() -> None:
    frontend = LogSpectrogram(8000)
    frontend.learn([Padded(torch.randn(1, 8000), torch.tensor([8000]))])
    loaded = LogSpectrogram(8000)
    loaded.load_state_dict(frontend.state_dict())
    assert torch.equal(loaded.mean, frontend.mean)
    assert not torch.equal(loaded.mean, torch.zeros(81))


def test_silence_is_not_divided_by_nothing() -> None:
    frontend = LogSpectrogram(8000)
    silence = Padded(torch.zeros(1, 8000), torch.tensor([8000]))
    frontend.learn([silence])
    assert not frontend(silence).values.abs().max() > 1e-3
    assert frontend(Padded(torch.randn(1, 8000), torch.tensor([8000]))).values.isfinite().all()


def test_refuses_to_learn_from_nothing() -> None:
    with pytest.raises(UserError, match="no utterance of the training split"):
        LogSpectrogram(8000).learn([waves([100])])


def test_float32_under_autocast() -> None:
    frontend = LogSpectrogram(8000)
    sound = Padded(torch.randn(1, 8000), torch.tensor([8000]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = frontend(sound).values
    assert output.dtype == torch.float32
    assert torch.equal(output, frontend(sound).values)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"step_ms": 10.0}, "step_ms is 10.0, which is 110.25 samples at 11025 Hz"),
        ({"window_ms": 0.0, "step_ms": 40.0}, "window_ms is 0.0; it takes a positive"),
        ({"window_ms": float("nan"), "step_ms": 40.0}, "window_ms is nan"),
        ({"window_ms": -20.0, "step_ms": 40.0}, "window_ms is -20.0"),
    ],
)
def test_refuses(options: dict[str, float], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        LogSpectrogram(11025, **{"window_ms": 40.0, **options})


def test_names_everything_that_is_wrong() -> None:
    with pytest.raises(UserError, match=r"(?s)window_ms.*step_ms"):
        LogSpectrogram(11025, window_ms=21.0, step_ms=11.0)
