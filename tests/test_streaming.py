"""Sound in pieces of any size gives the log-probabilities of the whole."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ds2kit.components import StreamingEncoder
from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.errors import UserError
from ds2kit.frontends.log_spectrogram import LogSpectrogram
from ds2kit.model import AcousticModel
from ds2kit.streaming import LogProbStream
from ds2kit.testing import speech
from ds2kit.text.char import Char
from ds2kit.types import Chunk, Padded, State

RATE = 1000


class Window(StreamingEncoder):
    """A convolution that sees `ahead` frames before and after; then a sum of all that was."""

    def __init__(self, input_size: int, *, stride: int = 1, ahead: int = 1) -> None:
        super().__init__()
        self.input_size, self.output_size, self.stride, self.ahead = input_size, 3, stride, ahead
        self.delay = -(-ahead // stride) * stride
        self.convolution = nn.Conv1d(input_size, 3, 2 * ahead + 1, stride=stride)

    def forward(self, frames: Padded) -> Padded:
        edges = (0, 0, self.ahead, self.ahead)
        seen = self.convolved(nn.functional.pad(frames.cleared().values, edges))
        lengths = self.output_lengths(frames.lengths)
        return Padded(Padded(seen, lengths).cleared().values.cumsum(dim=1) / 50, lengths)

    def convolved(self, values: Tensor) -> Tensor:
        found: Tensor = self.convolution(values.transpose(1, 2))
        return found.transpose(1, 2)

    def initial_state(self, streams: int) -> State:
        edge = Chunk.void(self, streams, self.delay + self.ahead, self.input_size)
        return edge, Chunk.void(self, streams, self.output_size).values

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        edge, total = state
        time, heard = chunk.valid.shape[1], edge.then(chunk)
        looked, _ = heard.cut(time - self.stride + 2 * self.ahead + 1)
        valid = heard.valid[:, self.ahead : self.ahead + time : self.stride]
        seen = Chunk(self.convolved(looked.values), valid).cleared()
        sums = total[:, None] + seen.values.cumsum(dim=1)
        return Chunk(sums / 50, valid).cleared(), (heard.cut(time)[1], sums[:, -1])


def model_of(encoder: type[StreamingEncoder], frontend: LogSpectrogram, **options) -> AcousticModel:
    torch.manual_seed(0)
    frontend.mean.fill_(-3.0)
    made = encoder(frontend.output_size, **options)
    return AcousticModel(frontend, made, Char(" abc")).double().eval()


def sound_of(samples: int) -> Tensor:
    return torch.from_numpy(speech(samples, RATE)).double()


def whole(model: AcousticModel, sound: Tensor) -> Tensor:
    with torch.no_grad():
        return model(Padded(sound[None], torch.tensor([len(sound)]))).values[0]


def pieces_of(sound: Tensor, sizes: list[int]) -> list[Tensor]:
    """The sound in pieces of these sizes, over and over; of one where all are 0."""
    sizes, pieces, number = sizes if any(sizes) else [1], [], 0
    while len(sound):
        size = sizes[number % len(sizes)]
        pieces.append(sound[:size])
        sound, number = sound[size:], number + 1
    return pieces


def check(model: AcousticModel, sound: Tensor, sizes: list[int], chunk_seconds: float) -> None:
    stream = LogProbStream(model, chunk_seconds)
    found = [stream.feed(piece) for piece in pieces_of(sound, sizes)]
    found.append(stream.finish())
    expected = whole(model, sound)[: int(model.output_lengths(torch.tensor(len(sound))))]
    torch.testing.assert_close(torch.cat(found), expected, rtol=0, atol=1e-9)


@settings(max_examples=60)
@given(
    window=st.integers(1, 33),
    step=st.integers(1, 12),
    stride=st.integers(1, 4),
    ahead=st.integers(0, 5),
    samples=st.integers(0, 400),
    sizes=st.lists(st.integers(0, 90), min_size=1, max_size=5),
    chunk_ms=st.integers(0, 150),
)
def test_any_pieces_give_what_forward_gives(
    window: int,
    step: int,
    stride: int,
    ahead: int,
    samples: int,
    sizes: list[int],
    chunk_ms: int,
) -> None:
    frontend = LogSpectrogram(RATE, window_ms=window, step_ms=step)
    model = model_of(Window, frontend, stride=stride, ahead=ahead)

    check(model, sound_of(samples), sizes, chunk_ms / 1000)


@pytest.mark.parametrize("cell", ["rnn", "gru"])
@pytest.mark.parametrize("strides", [[1, 1], [2, 1], [2, 2], [3, 1]])
def test_deepspeech2_streams_whole(cell: str, strides: list[int]) -> None:
    model = model_of(
        DeepSpeech2,
        LogSpectrogram(RATE, window_ms=20, step_ms=10),
        convolutions="2x1d",
        channels=[5, 4],
        time_strides=strides,
        cell=cell,
        width=6,
        layers=2,
        bidirectional=False,
        lookahead=3,
    )
    sound = sound_of(1234)

    for sizes in ([1], [7, 100, 0, 333], [1234]):
        check(model, sound, sizes, chunk_seconds=0.1)


def test_what_is_certain_comes_at_once() -> None:
    """Output frame n is out as soon as the sound that it depends on fills its step."""
    frontend = LogSpectrogram(RATE, window_ms=20, step_ms=10)
    model = model_of(Window, frontend, stride=2, ahead=3)
    assert (model.samples_per_step, model.delay, model.lead) == (20, 10 + 40, 10)
    stream, sound = LogProbStream(model, chunk_seconds=0.0), sound_of(400)

    counts = [len(stream.feed(sample[None])) for sample in sound]

    came = [heard for heard, count in enumerate(counts, start=1) for _ in range(count)]
    # A step is two frames: the last of frame n's is 2 n + 1, four frames of delay later; a frame
    # ends 10 samples after its own ten.
    assert came == [10 * (2 * n + 2 + 4) + 10 for n in range(len(came))]
    assert len(came) > 10


def test_a_chunk_is_whole_steps_of_about_so_long() -> None:
    frontend = LogSpectrogram(RATE, window_ms=20, step_ms=10)
    model, heard = model_of(Window, frontend, stride=3), []
    inside = model.encoder.step
    model.encoder.step = lambda chunk, state: (
        heard.append(chunk.valid.shape[1]) or inside(chunk, state)
    )
    stream = LogProbStream(model, chunk_seconds=0.1)

    for piece in sound_of(1000).split(7):
        stream.feed(piece)

    assert set(heard) == {9}  # frames: 90 ms of sound
    assert len(heard) == (1000 + model.lead) // 90


def test_what_is_kept_does_not_grow() -> None:
    frontend = LogSpectrogram(RATE, window_ms=20, step_ms=10)
    stream = LogProbStream(model_of(Window, frontend, stride=2, ahead=3), chunk_seconds=0.1)

    def kept() -> int:
        frontend_state, (edge, total) = stream._state
        tensors = [stream._waiting.values, frontend_state.values, edge.values, total]
        return sum(tensor.numel() for tensor in tensors)

    sizes = []
    for _ in range(50):
        stream.feed(sound_of(100))
        sizes.append(kept())

    assert len(set(sizes)) == 1


def test_a_model_that_cannot_stream_says_so_at_once() -> None:
    frontend = LogSpectrogram(RATE, window_ms=20, step_ms=10)
    model = model_of(DeepSpeech2, frontend, convolutions="1x1d", channels=[4], width=4, layers=1)

    with pytest.raises(UserError, match="cannot stream"):
        LogProbStream(model, chunk_seconds=0.1)
