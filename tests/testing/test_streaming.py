"""StreamingContract passes layers that stream as they should, and fails those that do not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from ds2kit.components import StreamingEncoder
from ds2kit.testing import EncoderContract, StreamingContract
from ds2kit.types import Chunk, Padded, State


class Window(nn.Module):
    """A convolution over `context` frames on both sides, its delay rounded up to strides."""

    def __init__(self, input_size: int, width: int, *, context: int, stride: int = 1) -> None:
        super().__init__()
        self.context, self.stride = context, stride
        self.delay = -(-context // stride) * stride
        self.convolution = nn.Conv1d(input_size, width, 2 * context + 1, stride=stride)

    def forward(self, frames: Padded) -> Padded:
        edge = (0, 0, self.context, self.context)
        padded = nn.functional.pad(frames.cleared().values, edge)
        lengths = (frames.lengths + self.stride - 1) // self.stride
        return Padded(self.convolve(padded), lengths)

    def initial_state(self, streams: int) -> Chunk:
        weight, time = self.convolution.weight, self.delay + self.context
        void = torch.zeros(streams, time, dtype=torch.bool)
        return Chunk(weight.new_zeros(streams, time, weight.shape[1]), void)

    def step(self, chunk: Chunk, state: Chunk) -> tuple[Chunk, Chunk]:
        time = chunk.values.shape[1]
        heard = torch.cat([state.values, chunk.values], dim=1)
        valid = torch.cat([state.valid, chunk.valid], dim=1)
        convolved = self.convolve(heard[:, : time - self.stride + 2 * self.context + 1])
        centre = valid[:, self.context : self.context + time : self.stride]
        return self.out(convolved, centre), Chunk(heard[:, time:], valid[:, time:])

    def out(self, values: Tensor, valid: Tensor) -> Chunk:
        return Chunk(torch.where(valid[..., None], values, 0.0), valid)

    def convolve(self, frames: Tensor) -> Tensor:
        convolved: Tensor = self.convolution(frames.transpose(1, 2))
        return convolved.transpose(1, 2)


class Memory(nn.Module):
    """h = tanh(W x + U h): [batch, time, size] to the same, forward in time."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.across = nn.Linear(size, size)
        self.along = nn.Linear(size, size, bias=False)

    def forward(self, frames: Padded) -> Padded:
        state = self.initial_state(len(frames.lengths))
        out, _ = self.step(Chunk(frames.cleared().values, frames.mask()), state)
        return Padded(out.values, frames.lengths)

    def initial_state(self, streams: int) -> Tensor:
        return self.along.weight.new_zeros(streams, len(self.along.weight))

    def step(self, chunk: Chunk, state: Tensor) -> tuple[Chunk, Tensor]:
        across = self.across(chunk.values)
        outputs = []
        for frame in range(chunk.valid.shape[1]):
            following = torch.tanh(across[:, frame] + self.along(state))
            state = self.kept(chunk.valid[:, frame, None], following, state)
            outputs.append(state)
        values = torch.where(chunk.valid[..., None], torch.stack(outputs, dim=1), 0.0)
        return Chunk(values, chunk.valid), state

    def kept(self, valid: Tensor, following: Tensor, state: Tensor) -> Tensor:
        return torch.where(valid, following, state)


class Healthy(StreamingEncoder):
    """A window of stride 2, a memory, and a window again."""

    def __init__(self, input_size: int, *, width: int = 4) -> None:
        super().__init__()
        self.input_size, self.output_size, self.stride = input_size, width, 2
        self.first, self.memory, self.last = self.layers_of(width)
        self.delay = self.first.delay + 2 * self.last.delay

    def layers_of(self, width: int) -> tuple[Window, Memory, Window]:
        first = Window(self.input_size, width, context=3, stride=2)
        return first, Memory(width), Window(width, width, context=1)

    def forward(self, frames: Padded) -> Padded:
        out: Padded = self.last(self.memory(self.first(frames)))
        return out

    def initial_state(self, streams: int) -> State:
        return {
            0: self.first.initial_state(streams),
            1: self.memory.initial_state(streams),
            2: self.last.initial_state(streams),
        }

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        chunk, first = self.first.step(chunk, state[0])
        chunk, memory = self.memory.step(chunk, state[1])
        chunk, last = self.last.step(chunk, state[2])
        return chunk, {0: first, 1: memory, 2: last}


class TestHealthy(EncoderContract, StreamingContract):
    @pytest.fixture
    def encoder(self) -> Healthy:
        return Healthy(3)


class LosesItsTail(Healthy):
    """Gives nothing when no more speech comes."""

    def finish(self, state: State, streams: int) -> Chunk:
        last = super().finish(state, streams)
        return Chunk(torch.zeros_like(last.values), torch.zeros_like(last.valid))


class PromisesTooSmallADelay(Healthy):
    """Pushes fewer void frames through than its layers hold back."""

    def __init__(self, input_size: int, *, width: int = 4) -> None:
        super().__init__(input_size, width=width)
        self.delay -= 2


@pytest.mark.parametrize("encoder", [LosesItsTail(3), PromisesTooSmallADelay(3)])
def test_a_lost_tail_fails(encoder: StreamingEncoder) -> None:
    EncoderContract().test_padding_in_evaluation(encoder)
    for check in (
        StreamingContract().test_streaming_finish_gives_the_tail,
        StreamingContract().test_streaming_equals_forward,
        StreamingContract().test_streaming_streams_join_and_leave,
    ):
        with pytest.raises(AssertionError, match="its head or tail is lost"):
            check(encoder=encoder)


class SharesItsStart(Healthy):
    """Every stream begins in the same memory, which the one before has written to."""

    def __init__(self, input_size: int, *, width: int = 4) -> None:
        super().__init__(input_size, width=width)
        self.register_buffer("start", torch.zeros(8, width))

    def initial_state(self, streams: int) -> State:
        assert isinstance(self.start, Tensor)
        return super().initial_state(streams) | {1: self.start[:streams]}

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        chunk, following = super().step(chunk, state)
        return chunk, following | {1: state[1].copy_(following[1])}


def test_a_shared_start_fails() -> None:
    with pytest.raises(AssertionError, match="streams start from a shared state"):
        StreamingContract().test_streaming_starts_afresh(SharesItsStart(3))


class LetsBiasOut(Window):
    def out(self, values: Tensor, valid: Tensor) -> Chunk:
        return Chunk(values, valid)


class BiasInVoidOutputs(Healthy):
    def layers_of(self, width: int) -> tuple[Window, Memory, Window]:
        first, memory, _ = super().layers_of(width)
        return first, memory, LetsBiasOut(width, width, context=1)


@pytest.mark.parametrize(
    "check", ["test_streaming_equals_forward", "test_streaming_silence_stays_void"]
)
def test_a_bias_in_void_frames_fails(check: str) -> None:
    with pytest.raises(AssertionError, match=r"void frames hold .*; expected zeros"):
        getattr(StreamingContract(), check)(encoder=BiasInVoidOutputs(3))


class BiasInVoidFramesInside(StreamingEncoder):
    """Two windows; the first lets its bias into void frames, which the second sees as edges."""

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.input_size, self.output_size, self.delay = input_size, 4, 4
        self.first = LetsBiasOut(input_size, 4, context=2)
        self.last = Window(4, 4, context=2)

    def forward(self, frames: Padded) -> Padded:
        out: Padded = self.last(self.first(frames))
        return out

    def initial_state(self, streams: int) -> State:
        return [self.first.initial_state(streams), self.last.initial_state(streams)]

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        chunk, first = self.first.step(chunk, state[0])
        chunk, last = self.last.step(chunk, state[1])
        return chunk, [first, last]


def test_a_bias_in_void_frames_of_a_layer_inside_fails() -> None:
    encoder = BiasInVoidFramesInside(3)
    StreamingContract().test_streaming_silence_stays_void(encoder)
    with pytest.raises(AssertionError, match="look for a bias in a layer's void frames"):
        StreamingContract().test_streaming_equals_forward(encoder=encoder)


class Wanders(Memory):
    """Does not hold its state over void frames."""

    def kept(self, valid: Tensor, following: Tensor, state: Tensor) -> Tensor:
        return following


class StateMovedByVoid(Healthy):
    def layers_of(self, width: int) -> tuple[Window, Memory, Window]:
        first, _, last = super().layers_of(width)
        return first, Wanders(width), last


def test_state_that_void_frames_move_fails() -> None:
    with pytest.raises(AssertionError, match="state that void frames moved"):
        StreamingContract().test_streaming_equals_forward(encoder=StateMovedByVoid(3))


class HearsNeighbours(Healthy):
    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        out, following = super().step(chunk, state)
        mixed = torch.where(out.valid[..., None], out.values - out.values.mean(dim=0), 0.0)
        alone = len(out.values) == 1
        return (out if alone else Chunk(mixed, out.valid)), following


@pytest.mark.parametrize(
    "check", ["test_streaming_equals_forward", "test_streaming_streams_join_and_leave"]
)
def test_hearing_neighbours_fails(check: str) -> None:
    with pytest.raises(AssertionError, match=r"against forward.*or a neighbour"):
        getattr(StreamingContract(), check)(encoder=HearsNeighbours(3))


class GivesWhatIsOut(Healthy):
    """Leaves out frames that nobody's stream has; so shapes change."""

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        out, following = super().step(chunk, state)
        some = out.valid.any(dim=0)
        return Chunk(out.values[:, some], out.valid[:, some]), following


def test_shapes_that_change_fail() -> None:
    with pytest.raises(AssertionError, match="shapes are constant, and `valid` says"):
        StreamingContract().test_streaming_equals_forward(encoder=GivesWhatIsOut(3))


class CountsSteps(Healthy):
    """Holds a number for all streams together."""

    def initial_state(self, streams: int) -> State:
        return {**super().initial_state(streams), "steps": 0}


@dataclass
class Clock:
    steps: Tensor


class CountsStepsInATensor(Healthy):
    def initial_state(self, streams: int) -> State:
        return {**super().initial_state(streams), "clock": Clock(torch.zeros(streams + 1))}


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (CountsSteps(3), "a state holds a int: only tensors whose first axis is the stream"),
        (CountsStepsInATensor(3), r"shape \[2\] for 1 streams: the first axis is the stream"),
    ],
)
def test_a_state_that_does_not_split_fails(encoder: StreamingEncoder, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        StreamingContract().test_streaming_states_are_tensors_by_stream(encoder)


def test_half_a_stride_of_delay_fails() -> None:
    encoder = Healthy(3)
    encoder.delay += 1
    with pytest.raises(AssertionError, match="no whole number of strides of 2; round it up"):
        StreamingContract().test_streaming_delay_is_whole_strides(encoder)


class ComesLate(Healthy):
    """Holds back two more strides than `delay` says, and finishes with them all the same."""

    def initial_state(self, streams: int) -> State:
        late = torch.zeros(streams, 2, self.output_size, dtype=torch.float64)
        void = torch.zeros(streams, 2, dtype=torch.bool)
        return {"inside": super().initial_state(streams), "late": Chunk(late, void)}

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        out, inside = super().step(chunk, state["inside"])
        values = torch.cat([state["late"].values, out.values], dim=1)
        valid = torch.cat([state["late"].valid, out.valid], dim=1)
        time = out.valid.shape[1]
        late = Chunk(values[:, time:], valid[:, time:])
        return Chunk(values[:, :time], valid[:, :time]), {"inside": inside, "late": late}

    def finish(self, state: State, streams: int) -> Chunk:
        silence = torch.zeros(streams, self.delay + 4, self.input_size, dtype=torch.float64)
        void = torch.zeros(streams, self.delay + 4, dtype=torch.bool)
        return self.step(Chunk(silence, void), state)[0]


def test_coming_later_than_promised_fails() -> None:
    with pytest.raises(AssertionError, match="after 10 frames; delay promises 6"):
        StreamingContract().test_streaming_equals_forward(encoder=ComesLate(3))
