"""Streams that are pushed through a frontend or an encoder, and compared with its forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from hypothesis import strategies as st
from torch import Tensor

from ds2kit.components import StreamingEncoder, StreamingFrontend
from ds2kit.testing.batches import join, split
from ds2kit.testing.comparing import FLOAT64_TOLERANCE, change
from ds2kit.testing.states import stack, take
from ds2kit.types import Chunk

Streamer: TypeAlias = StreamingFrontend | StreamingEncoder

Parts: TypeAlias = list[Chunk]
"""What came out for one stream, in pieces."""


@dataclass(frozen=True)
class Visit:
    """A stream of a drawn batch: when it begins, in strides, and how long it is."""

    start: int
    strides: int
    missing: int
    """What its last stride lacks, where the stride is as long as that."""

    def length(self, stride: int) -> int:
        return max(0, self.strides * stride - self.missing % stride)


def visits(most_missing: int) -> st.SearchStrategy[list[Visit]]:
    """A batch of streams, the last stride of each lacking up to so much."""
    drawn = st.builds(Visit, st.integers(0, 8), st.integers(0, 12), st.integers(0, most_missing))
    return st.lists(drawn, min_size=1, max_size=4)


CHUNKS = st.lists(st.integers(1, 6), min_size=1, max_size=6)
"""The strides of each step, over and over."""


def chunk_of(pieces: Sequence[Tensor], time: int, offsets: Sequence[int] | None = None) -> Chunk:
    """A batch of streams, each piece [time, ...] at its offset, void around it."""
    values = pieces[0].new_zeros(len(pieces), time, *pieces[0].shape[1:])
    valid = torch.zeros(len(pieces), time, dtype=torch.bool)
    for row, piece in enumerate(pieces):
        offset = offsets[row] if offsets else 0
        values[row, offset : offset + len(piece)] = piece
        valid[row, offset : offset + len(piece)] = True
    return Chunk(values, valid)


def check_batch(
    streamer: Streamer,
    visits: Sequence[Visit],
    sounds: Sequence[Tensor],
    chunks: Sequence[int],
    tolerance: float,
) -> None:
    """Streams of one batch from beginning to end, each against forward."""
    stride = streamer.stride
    ends = [visit.start + visit.strides for visit in visits]
    begins = [visit.start * stride for visit in visits]
    rest = chunk_of(sounds, max(ends) * stride, begins)
    parts: list[Parts] = [[] for _ in visits]
    state: object = streamer.initial_state(len(visits))
    number = 0
    while rest.valid.shape[1]:
        chunk, rest = rest.cut(chunks[number % len(chunks)] * stride)
        out, state = stepped(streamer, chunk, state)
        _deal(out, parts)
        number += 1
    _deal(finished(streamer, state, len(visits)), parts)
    for visit, sound, part in zip(visits, sounds, parts, strict=True):
        check_stream(streamer, sound, part, tolerance)
        _check_delay(streamer, visit, part)


def check_apart(streamer: Streamer, sounds: Sequence[Tensor]) -> None:
    """Streams by themselves, a step of each in turn, which begin one after the other.

    The states of the first two were made before any of them began.
    """
    early = [streamer.initial_state(1), streamer.initial_state(1)]
    time = 2 * streamer.stride
    rounds = max(number + -(-len(sound) // time) for number, sound in enumerate(sounds))
    states: list[object] = []
    parts: list[Parts] = [[] for _ in sounds]
    for now in range(rounds):
        if now < len(sounds):
            states.append(early[now] if now < len(early) else streamer.initial_state(1))
        for number, sound in enumerate(sounds[: now + 1]):
            piece = sound[(now - number) * time :][:time]
            out, states[number] = stepped(streamer, chunk_of([piece], time), states[number])
            parts[number].append(out)
    for number, (sound, state) in enumerate(zip(sounds, states, strict=True), start=1):
        parts[number - 1].append(finished(streamer, state, 1))
        how = _difference(streamer, sound, parts[number - 1], FLOAT64_TOLERANCE)
        assert not how, (
            f"stream {number} of {len(sounds)}, a step of each in turn, {how}: streams start from "
            "a shared state; initial_state makes new tensors at each call, one row a stream"
        )


def check_silence(streamer: Streamer, like: Tensor) -> None:
    """Nothing comes out of streams that have not begun.

    like: any sound, for its type and its axes
    """
    state = streamer.initial_state(2)
    for _ in range(3 + streamer.delay // streamer.stride):
        out, state = stepped(streamer, chunk_of([like[:0]] * 2, streamer.stride), state)
        assert not out.valid.any(), "frames came out of streams that have not begun"


def check_delay(streamer: Streamer) -> None:
    """It is a whole number of strides."""
    delay, unit = getattr(streamer, "delay", None), _unit(streamer)
    assert type(delay) is int, f"delay is {delay!r}; set a whole number of {unit} in __init__"
    assert delay >= 0, f"delay is {delay}; a layer cannot know what it has not heard"
    assert delay % streamer.stride == 0, (
        f"delay is {delay} {unit}, no whole number of strides of {streamer.stride}; round it up"
    )


def stepped(streamer: Streamer, chunk: Chunk, state: object) -> tuple[Chunk, object]:
    """One step, whose shape and void frames are checked."""
    with torch.no_grad():
        out, state = streamer.step(chunk, state)
    streams, time = chunk.valid.shape
    expected = [streams, time // streamer.stride, streamer.output_size]
    assert list(out.values.shape) == expected, (
        f"step gave values {list(out.values.shape)} for {time} {_unit(streamer)}; expected "
        f"{expected}: shapes are constant, and `valid` says what is somebody's"
    )
    _check_void(out)
    return out, state


def finished(streamer: Streamer, state: object, streams: int) -> Chunk:
    """What finish gives, its shape and void frames checked."""
    with torch.no_grad():
        last = streamer.finish(state, streams)
    assert len(last.values) == streams, f"finish gave {len(last.values)} streams of {streams}"
    _check_void(last)
    return last


def _deal(out: Chunk, parts: Sequence[Parts]) -> None:
    """Hand each stream its own."""
    for row, part in enumerate(parts):
        part.append(Chunk(out.values[row : row + 1], out.valid[row : row + 1]))


def _check_void(out: Chunk) -> None:
    assert out.valid.dtype == torch.bool, f"valid is {out.valid.dtype}; expected bool"
    assert out.valid.shape == out.values.shape[:2], (
        f"valid is {list(out.valid.shape)}, values {list(out.values.shape)}: one for each frame"
    )
    void = out.values[~out.valid]
    loudest = void.abs().max().item() if void.numel() else 0.0
    assert loudest == 0, (
        f"void frames hold {loudest:.3g}; expected zeros, for they are the edges of what the next "
        "layer sees: Chunk(output, valid).cleared() keeps a bias out"
    )


def _out(parts: Parts) -> Tensor:
    """The numbers of the frames that came out."""
    return torch.cat([part.valid[0] for part in parts]).nonzero().flatten()


def _difference(streamer: Streamer, sound: Tensor, parts: Parts, tolerance: float) -> str:
    """How the valid outputs of a stream differ from forward's, or nothing."""
    found = torch.cat([part.values[part.valid] for part in parts])
    with torch.no_grad():
        expected = split(streamer(join([sound])))[0]
    return change(found, expected, tolerance)


def check_stream(streamer: Streamer, sound: Tensor, parts: Parts, tolerance: float) -> None:
    """The valid outputs are contiguous, as many as promised, and forward's."""
    out, how_long = _out(parts), f"{len(sound)} {_unit(streamer)}"
    promised = int(streamer.output_lengths(torch.tensor([len(sound)])))
    assert len(out) == promised, (
        f"a stream of {how_long} gave {len(out)} frames of the {promised} that forward "
        "gives: its head or tail is lost; `delay` is what finish pushes through"
    )
    contiguous = len(out) == 0 or int(out[-1] - out[0]) + 1 == len(out)
    assert contiguous, f"the valid frames of a stream of {how_long} have gaps"
    how = _difference(streamer, sound, parts, tolerance)
    assert not how, (
        f"the output of a stream of {how_long} {how} against forward: a layer sees other "
        "edges than in forward; look for a bias in a layer's void frames, state that void frames "
        "moved, or a neighbour"
    )


def _check_delay(streamer: Streamer, visit: Visit, parts: Parts) -> None:
    """Nothing comes out later than `delay` says."""
    out = _out(parts)
    if not len(out):
        return
    late = int(out[0]) - visit.start
    assert late <= streamer.delay // streamer.stride, (
        f"the first output of a stream came after {late * streamer.stride} {_unit(streamer)}; "
        f"delay promises {streamer.delay}"
    )


def _unit(streamer: Streamer) -> str:
    return "samples" if isinstance(streamer, StreamingFrontend) else "frames"


class Server:
    """Steps a batch of whoever speaks just now, each from its own beginning."""

    def __init__(self, streamer: Streamer, chunk_strides: int) -> None:
        self.streamer = streamer
        self.time = chunk_strides * streamer.stride
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
                out, self.state = stepped(self.streamer, chunk_of(pieces, self.time), self.state)
                _deal(out, [parts[stream] for stream in self.present])
                for stream in self.present:
                    given[stream] += self.time
                self._leave([given[s] >= len(sounds[s]) for s in self.present], parts)
            now += 1
        return parts

    def _join(self, streams: list[int]) -> None:
        if not streams:
            return
        fresh = self.streamer.initial_state(len(streams))
        self.state = stack([self.state, fresh]) if self.present else fresh
        self.present = self.present + streams

    def _leave(self, ended: list[bool], parts: list[Parts]) -> None:
        for row, stream in enumerate(self.present):
            if ended[row]:
                parts[stream].append(finished(self.streamer, take(self.state, [row]), 1))
        staying = [row for row, over in enumerate(ended) if not over]
        self.present = [self.present[row] for row in staying]
        self.state = take(self.state, staying)
