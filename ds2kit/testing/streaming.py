"""The contracts of encoders that work through speech as it arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ds2kit.components import StreamingEncoder
from ds2kit.testing.batches import join, split, utterances
from ds2kit.testing.comparing import FLOAT32_TOLERANCE, FLOAT64_TOLERANCE, change, seasoned
from ds2kit.testing.seeding import DRAWN, Repeatable
from ds2kit.testing.states import stack, take, tensors_in
from ds2kit.types import Chunk


@dataclass(frozen=True)
class Visit:
    """A stream of a drawn batch: when it begins, in strides, and how long it is."""

    start: int
    strides: int
    missing: int
    """Frames that its last stride lacks, where the stride is as long as that."""

    def frames(self, stride: int) -> int:
        return max(0, self.strides * stride - self.missing % stride)


_VISITS = st.lists(
    st.builds(Visit, st.integers(0, 8), st.integers(0, 12), st.integers(0, 7)),
    min_size=1,
    max_size=4,
)
_CHUNKS = st.lists(st.integers(1, 6), min_size=1, max_size=6)


class StreamingContract(Repeatable):
    """Subclass it beside EncoderContract; `encoder` is an instance that can stream."""

    @pytest.fixture
    def encoder(self) -> StreamingEncoder:
        raise NotImplementedError("give the contract your encoder: define the fixture `encoder`")

    def test_streaming_delay_is_whole_strides(self, encoder: StreamingEncoder) -> None:
        """Contract 4: `delay` is a whole number of strides, so the next layer keeps in step."""
        delay = getattr(encoder, "delay", None)
        assert type(delay) is int, f"delay is {delay!r}; set a whole number of frames in __init__"
        assert delay >= 0, f"delay is {delay}; a layer cannot know what it has not heard"
        assert delay % encoder.stride == 0, (
            f"delay is {delay} frames, no whole number of strides of {encoder.stride}; round it up"
        )

    @DRAWN
    @given(visits=_VISITS, chunks=_CHUNKS)
    def test_streaming_equals_forward(
        self, encoder: StreamingEncoder, visits: list[Visit], chunks: list[int]
    ) -> None:
        """Contract 4: for any chunking the joined valid outputs are those of forward.

        Streams begin and end at different times in one batch; float64 to 1e-9.
        """
        _check_batch(_ready(encoder), visits, chunks, FLOAT64_TOLERANCE)

    def test_streaming_equals_forward_in_float32(self, encoder: StreamingEncoder) -> None:
        """Contract 4 in the precision that serves: to 1e-4."""
        visits = [Visit(0, 20, 1), Visit(3, 9, 0), Visit(5, 2, 3)]
        _check_batch(_ready(encoder).float(), visits, [2, 1, 5], FLOAT32_TOLERANCE)

    def test_streaming_finish_gives_the_tail(self, encoder: StreamingEncoder) -> None:
        """Contract 4: with what `finish` gives, no frame is missing, however short the stream."""
        ready = _ready(encoder)
        for strides in range(13):
            _check_batch(ready, [Visit(0, strides, 0)], [3], FLOAT64_TOLERANCE)

    @DRAWN
    @given(visits=_VISITS, chunk=st.integers(1, 4))
    def test_streaming_streams_join_and_leave(
        self, encoder: StreamingEncoder, visits: list[Visit], chunk: int
    ) -> None:
        """Contract 4: states stack when streams join, split when one ends, and drop.

        So a server's batch is whoever speaks just now.
        """
        ready = _ready(encoder)
        sounds = _sounds(ready, visits)
        heard = _Server(ready, chunk).hear([visit.start for visit in visits], sounds)
        for sound, parts in zip(sounds, heard, strict=True):
            _check_stream(ready, sound, parts, FLOAT64_TOLERANCE)

    def test_streaming_starts_afresh(self, encoder: StreamingEncoder) -> None:
        """Contract 4: `initial_state` is of streams that have heard nothing, each its own.

        Else one caller hears what another said.
        """
        ready = _ready(encoder)
        sounds = _sounds(ready, [Visit(0, 11, 0), Visit(0, 9, 0), Visit(0, 10, 0)])
        early = [ready.initial_state(1), ready.initial_state(1)]
        for number, sound in enumerate(sounds):
            state = early[number] if number < len(early) else ready.initial_state(1)
            parts = []
            for piece in torch.split(sound, 2 * ready.stride):
                out, state = _step(ready, _chunk([piece], 2 * ready.stride), state)
                parts.append((out.values[0], out.valid[0]))
            parts.append(_tail(ready, state))
            how = _difference(ready, sound, parts, FLOAT64_TOLERANCE)
            assert not how, (
                f"stream {number + 1} of three, one after the other, {how}: streams start from a "
                "shared state; initial_state makes new tensors at each call, one row a stream"
            )

    def test_streaming_states_are_tensors_by_stream(self, encoder: StreamingEncoder) -> None:
        """Contract 4: a state is a nested structure of tensors whose first axis is the stream."""
        ready = _ready(encoder)
        for streams in (1, 3):
            state = ready.initial_state(streams)
            sounds = _sounds(ready, [Visit(0, 2, 0)] * streams)
            _, following = _step(ready, _chunk(sounds, 2 * ready.stride), state)
            for name, held in (("initial_state", state), ("step", following)):
                for tensor in tensors_in(held):
                    assert tensor.dim() > 0, f"{name} gave a state with a number; expected rows"
                    assert len(tensor) == streams, (
                        f"{name} gave a state with a tensor of shape {list(tensor.shape)} for "
                        f"{streams} streams: the first axis is the stream"
                    )

    def test_streaming_silence_stays_void(self, encoder: StreamingEncoder) -> None:
        """Contract 4: where nobody speaks, nothing comes out: void frames that hold zeros."""
        ready = _ready(encoder)
        state = ready.initial_state(2)
        for _ in range(3 + ready.delay // ready.stride):
            nobody = _chunk(
                [torch.zeros(0, ready.input_size, dtype=torch.float64)] * 2, ready.stride
            )
            out, state = _step(ready, nobody, state)
            assert not out.valid.any(), "frames came out of streams that have not begun"


def _ready(encoder: StreamingEncoder) -> StreamingEncoder:
    sound = utterances([40 * encoder.stride], encoder.input_size, seed=5)[0]
    return seasoned(encoder, sound)


def _sounds(encoder: StreamingEncoder, visits: Sequence[Visit]) -> list[Tensor]:
    dtype = next((p.dtype for p in encoder.parameters()), torch.float64)
    lengths = [visit.frames(encoder.stride) for visit in visits]
    return [sound.to(dtype) for sound in utterances(lengths, encoder.input_size, seed=6)]


def _chunk(pieces: Sequence[Tensor], time: int, offsets: Sequence[int] | None = None) -> Chunk:
    """A batch of streams, each piece [frames, features] at its offset, void around it."""
    values = pieces[0].new_zeros(len(pieces), time, pieces[0].shape[1])
    valid = torch.zeros(len(pieces), time, dtype=torch.bool)
    for row, piece in enumerate(pieces):
        offset = offsets[row] if offsets else 0
        values[row, offset : offset + len(piece)] = piece
        valid[row, offset : offset + len(piece)] = True
    return Chunk(values, valid)


def _step(encoder: StreamingEncoder, chunk: Chunk, state: object) -> tuple[Chunk, object]:
    """One step, whose shape and void frames are checked."""
    with torch.no_grad():
        out, state = encoder.step(chunk, state)
    streams, time = chunk.valid.shape
    expected = [streams, time // encoder.stride, encoder.output_size]
    assert list(out.values.shape) == expected, (
        f"step gave values {list(out.values.shape)} for {time} frames; expected {expected}: "
        "shapes are constant, and `valid` says what is somebody's"
    )
    _check_void(out)
    return out, state


def _finish(encoder: StreamingEncoder, state: object, streams: int) -> Chunk:
    with torch.no_grad():
        last = encoder.finish(state, streams)
    assert len(last.values) == streams, f"finish gave {len(last.values)} streams of {streams}"
    _check_void(last)
    return last


def _check_void(out: Chunk) -> None:
    assert out.valid.dtype == torch.bool, f"valid is {out.valid.dtype}; expected bool"
    assert out.valid.shape == out.values.shape[:2], (
        f"valid is {list(out.valid.shape)}, values {list(out.values.shape)}: one for each frame"
    )
    void = out.values[~out.valid]
    loudest = void.abs().max().item() if void.numel() else 0.0
    assert loudest == 0, (
        f"void frames hold {loudest:.3g}; expected zeros, for they are the edges of what the next "
        "layer sees: torch.where(valid[..., None], output, 0.0) keeps a bias out"
    )


Parts = list[tuple[Tensor, Tensor]]
"""What came out for one stream: values [frames, output_size] and valid [frames], in pieces."""


def _check_batch(
    encoder: StreamingEncoder, visits: Sequence[Visit], chunks: Sequence[int], tolerance: float
) -> None:
    """Streams of one batch from beginning to end, each against forward."""
    stride, sounds = encoder.stride, _sounds(encoder, visits)
    ends = [visit.start + visit.strides for visit in visits]
    begins = [visit.start * stride for visit in visits]
    timeline = _chunk(sounds, max(ends) * stride, begins)
    parts: list[Parts] = [[] for _ in visits]
    state: object = encoder.initial_state(len(visits))
    position, number = 0, 0
    while position < timeline.valid.shape[1]:
        time = min(chunks[number % len(chunks)] * stride, timeline.valid.shape[1] - position)
        piece = slice(position, position + time)
        chunk = Chunk(timeline.values[:, piece], timeline.valid[:, piece])
        out, state = _step(encoder, chunk, state)
        for stream, part in enumerate(parts):
            part.append((out.values[stream], out.valid[stream]))
        position, number = position + time, number + 1
    last = _finish(encoder, state, len(visits))
    for stream, (visit, sound) in enumerate(zip(visits, sounds, strict=True)):
        parts[stream].append((last.values[stream], last.valid[stream]))
        _check_stream(encoder, sound, parts[stream], tolerance)
        _check_delay(encoder, visit, parts[stream])


def _tail(encoder: StreamingEncoder, state: object) -> tuple[Tensor, Tensor]:
    last = _finish(encoder, state, 1)
    return last.values[0], last.valid[0]


def _difference(encoder: StreamingEncoder, sound: Tensor, parts: Parts, tolerance: float) -> str:
    """How the valid outputs of a stream differ from forward's, or nothing."""
    valid = torch.cat([part[1] for part in parts])
    found = torch.cat([part[0] for part in parts])[valid]
    with torch.no_grad():
        expected = split(encoder(join([sound])))[0]
    return change(found, expected, tolerance)


def _check_stream(encoder: StreamingEncoder, sound: Tensor, parts: Parts, tolerance: float) -> None:
    """The valid outputs are contiguous, as many as promised, and forward's."""
    out = torch.cat([part[1] for part in parts]).nonzero().flatten()
    promised = int(encoder.output_lengths(torch.tensor([len(sound)])))
    assert len(out) == promised, (
        f"a stream of {len(sound)} frames gave {len(out)} frames of the {promised} that forward "
        "gives: its head or tail is lost; `delay` is what finish pushes through"
    )
    contiguous = len(out) == 0 or int(out[-1] - out[0]) + 1 == len(out)
    assert contiguous, f"the valid frames of a stream of {len(sound)} frames have gaps"
    how = _difference(encoder, sound, parts, tolerance)
    assert not how, (
        f"the output of a stream of {len(sound)} frames {how} against forward: a layer sees other "
        "edges than in forward; look for a bias in a layer's void frames, state that void frames "
        "moved, or a neighbour"
    )


def _check_delay(encoder: StreamingEncoder, visit: Visit, parts: Parts) -> None:
    """Nothing comes out later than `delay` says."""
    out = torch.cat([part[1] for part in parts]).nonzero().flatten()
    if not len(out):
        return
    late = int(out[0]) - visit.start
    assert late <= encoder.delay // encoder.stride, (
        f"the first output of a stream came after {late * encoder.stride} frames; delay promises "
        f"{encoder.delay}"
    )


class _Server:
    """Steps a batch of whoever speaks just now, each from its own beginning."""

    def __init__(self, encoder: StreamingEncoder, chunk_strides: int) -> None:
        self.encoder = encoder
        self.time = chunk_strides * encoder.stride
        self.present: list[int] = []
        self.state: object = None

    def hear(self, starts: Sequence[int], sounds: Sequence[Tensor]) -> list[Parts]:
        """What came out for each sound, which joined at its step and left at its end."""
        parts: list[Parts] = [[] for _ in sounds]
        given = [0] * len(sounds)
        waiting = sorted(range(len(sounds)), key=lambda stream: starts[stream])
        now = 0
        while waiting or self.present:
            joining = [stream for stream in waiting if starts[stream] <= now]
            waiting = [stream for stream in waiting if starts[stream] > now]
            self._join(joining)
            if self.present:
                pieces = [sounds[s][given[s] : given[s] + self.time] for s in self.present]
                out, self.state = _step(self.encoder, _chunk(pieces, self.time), self.state)
                for row, stream in enumerate(self.present):
                    parts[stream].append((out.values[row], out.valid[row]))
                    given[stream] += self.time
                self._leave([given[s] >= len(sounds[s]) for s in self.present], parts)
            now += 1
        return parts

    def _join(self, streams: list[int]) -> None:
        if not streams:
            return
        fresh = self.encoder.initial_state(len(streams))
        self.state = stack([self.state, fresh]) if self.present else fresh
        self.present = self.present + streams

    def _leave(self, ended: list[bool], parts: list[Parts]) -> None:
        for row, stream in enumerate(self.present):
            if ended[row]:
                parts[stream].append(_tail(self.encoder, take(self.state, [row])))
        staying = [row for row, over in enumerate(ended) if not over]
        self.present = [self.present[row] for row in staying]
        self.state = take(self.state, staying)
