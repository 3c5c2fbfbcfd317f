"""StreamingFrontendContract passes a frontend that streams as it should, and fails others."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from ds2kit.components import StreamingFrontend
from ds2kit.testing import FrontendContract, StreamingFrontendContract
from ds2kit.types import Chunk, Padded, State

WINDOW, STEP = 200, 80


class Healthy(StreamingFrontend):
    """The loudness of two halves of each window, less what it is on average."""

    mean: Tensor

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.sample_rate, self.output_size = sample_rate, 2
        self.frame_seconds, self.stride, self.delay = STEP / sample_rate, STEP, 2 * STEP
        self.gain = nn.Parameter(torch.ones(2))
        self.register_buffer("mean", torch.zeros(2))

    def forward(self, waveforms: Padded) -> Padded:
        frames = self.loudness(waveforms.cleared().values)
        return Padded(frames, self.output_lengths(waveforms.lengths))

    def loudness(self, samples: Tensor) -> Tensor:
        if samples.shape[1] < WINDOW:
            return samples.new_zeros(len(samples), 0, 2)
        halves = samples.unfold(1, WINDOW, STEP).unflatten(2, (2, WINDOW // 2))
        return self.gain * ((halves.square().mean(dim=3) + 1e-6).log() - self.mean)

    def output_lengths(self, lengths: Tensor) -> Tensor:
        return torch.where(lengths < WINDOW, 0, (lengths - WINDOW) // STEP + 1)

    @torch.no_grad()
    def learn(self, batches: Iterable[Padded]) -> None:
        frames = [self(batch) for batch in batches]
        self.mean.copy_(torch.cat([f.values[f.mask()] for f in frames]).mean(dim=0))

    def initial_state(self, streams: int) -> State:
        return Chunk.void(self, streams, self.delay)

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        heard = state.then(chunk)
        frames = Chunk(self.loudness(heard.values), self.whole(heard.valid)).cleared()
        return frames, heard.cut(chunk.valid.shape[1])[1]

    def whole(self, valid: Tensor) -> Tensor:
        return valid.unfold(1, WINDOW, STEP).all(dim=2)


class TestHealthy(FrontendContract, StreamingFrontendContract):
    @pytest.fixture
    def frontend(self) -> Healthy:
        return Healthy(8000)


def check(name: str, frontend: StreamingFrontend, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        getattr(StreamingFrontendContract(), name)(frontend=frontend)


class FramesTheEnd(Healthy):
    """Takes a window for a frame where its first sample is somebody's."""

    def whole(self, valid: Tensor) -> Tensor:
        return valid.unfold(1, WINDOW, STEP)[:, :, 0]


def test_a_frame_of_what_fills_no_window_fails() -> None:
    for name in ("test_streaming_equals_forward", "test_streaming_finish_gives_the_tail"):
        check(name, FramesTheEnd(8000), r"gave \d+ frames of the \d+ that forward gives")


class FramesTheBeginning(Healthy):
    """Takes a window for a frame where its last sample is somebody's."""

    def whole(self, valid: Tensor) -> Tensor:
        return valid.unfold(1, WINDOW, STEP)[:, :, -1]


def test_a_frame_before_the_beginning_fails() -> None:
    check("test_streaming_equals_forward", FramesTheBeginning(8000), "head or tail is lost")


class LetsVoidFramesSound(Healthy):
    """Leaves the logarithm of the floor in void frames."""

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        heard = state.then(chunk)
        frames = Chunk(self.loudness(heard.values), self.whole(heard.valid))
        return frames, heard.cut(chunk.valid.shape[1])[1]


def test_void_frames_that_sound_fail() -> None:
    check("test_streaming_silence_stays_void", LetsVoidFramesSound(8000), "expected zeros")


class NormalisesTheChunk(Healthy):
    """Takes the mean of each chunk out, and of the utterance in forward."""

    def loudness(self, samples: Tensor) -> Tensor:
        frames = super().loudness(samples)
        return frames - frames.mean(dim=1, keepdim=True) if frames.numel() else frames


def test_features_that_hang_on_the_chunk_fail() -> None:
    check("test_streaming_equals_forward", NormalisesTheChunk(8000), r"samples changed by .*edges")


class ForgetsHalfAWindow(Healthy):
    """Hears silence where a window began in the chunk before."""

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        return super().step(chunk, Chunk(torch.zeros_like(state.values), state.valid))


def test_a_window_that_is_cut_by_a_chunk_fails() -> None:
    check("test_streaming_equals_forward", ForgetsHalfAWindow(8000), "against forward")


class GivesWhatThereIs(Healthy):
    """Gives no frame for a stride in which none was completed."""

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        frames, state = super().step(chunk, state)
        late = int(frames.valid.any(dim=0).sum())
        return frames.cut(frames.valid.shape[1] - late)[1], state


def test_shapes_that_change_fail() -> None:
    check("test_streaming_equals_forward", GivesWhatThereIs(8000), "shapes are constant")


class SharesItsStart(Healthy):
    """Every stream begins in the same memory, which the one before has written to."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__(sample_rate)
        self.start = Chunk.void(self.double(), 8, self.delay)

    def initial_state(self, streams: int) -> State:
        return Chunk(self.start.values[:streams], self.start.valid[:streams])

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        frames, following = super().step(chunk, state)
        state.values.copy_(following.values)
        state.valid.copy_(following.valid)
        return frames, state


def test_a_shared_start_fails() -> None:
    check("test_streaming_starts_afresh", SharesItsStart(8000), "start from a shared state")


class CountsSamples(Healthy):
    def initial_state(self, streams: int) -> State:
        return {"heard": super().initial_state(streams), "samples": 0}

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        frames, heard = super().step(chunk, state["heard"])
        return frames, {"heard": heard, "samples": state["samples"] + chunk.valid.shape[1]}


def test_a_state_that_does_not_split_fails() -> None:
    check("test_streaming_states_are_tensors_by_stream", CountsSamples(8000), "state holds a int")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("stride", 81, "stride is 81 samples where frame_seconds is 0.01; expected 80"),
        ("delay", 120, "delay is 120 samples, no whole number of strides of 80"),
        ("delay", 160.0, "delay is 160.0; set a whole number of samples"),
        ("delay", -80, "cannot know what it has not heard"),
    ],
)
def test_sizes_that_do_not_fit_fail(name: str, value: float, message: str) -> None:
    frontend = Healthy(8000)
    setattr(frontend, name, value)
    check("test_streaming_stride_is_the_frames", frontend, message)


class ComesLate(Healthy):
    """Promises a step less than it holds back."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__(sample_rate)
        self.delay = STEP

    def initial_state(self, streams: int) -> State:
        return Chunk.void(self, streams, 2 * STEP)

    def finish(self, state: State, streams: int) -> Chunk:
        last, _ = self.step(Chunk.void(self, streams, 2 * STEP), state)
        return last


def test_coming_later_than_promised_fails() -> None:
    check("test_streaming_equals_forward", ComesLate(8000), "after 160 samples; delay promises 80")


class HoldsBack(Healthy):
    """Gives each frame a step later than it could."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__(sample_rate)
        self.delay = 3 * STEP

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        frames, state = super().step(chunk, state)
        return frames.cut(chunk.valid.shape[1] // STEP)[0], state


class LosesItsTail(HoldsBack):
    def finish(self, state: State, streams: int) -> Chunk:
        return Chunk.void(self, streams, 0, self.output_size)


def test_a_lost_tail_fails() -> None:
    name = "test_streaming_finish_gives_the_tail"
    getattr(StreamingFrontendContract(), name)(frontend=HoldsBack(8000))
    check(name, LosesItsTail(8000), "its head or tail is lost")
