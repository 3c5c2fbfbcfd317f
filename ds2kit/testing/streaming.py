"""The contracts of frontends and encoders that work through speech as it arrives."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ds2kit.components import StreamingEncoder, StreamingFrontend
from ds2kit.testing.batches import join, utterances
from ds2kit.testing.comparing import FLOAT32_TOLERANCE, FLOAT64_TOLERANCE, seasoned
from ds2kit.testing.seeding import DRAWN, Repeatable
from ds2kit.testing.sounds import speech
from ds2kit.testing.states import tensors_in
from ds2kit.testing.streams import (
    CHUNKS,
    Server,
    Streamer,
    Visit,
    check_apart,
    check_batch,
    check_delay,
    check_silence,
    check_stream,
    chunk_of,
    stepped,
    visits,
)

LONG_AND_SHORT = (Visit(0, 20, 1), Visit(3, 9, 0), Visit(5, 2, 3))


class StreamingContract(Repeatable):
    """Subclass it beside EncoderContract; `encoder` is an instance that can stream."""

    @pytest.fixture
    def encoder(self) -> StreamingEncoder:
        raise NotImplementedError("give the contract your encoder: define the fixture `encoder`")

    def test_streaming_delay_is_whole_strides(self, encoder: StreamingEncoder) -> None:
        """Contract 4: `delay` is a whole number of strides, so the next layer keeps in step."""
        check_delay(encoder)

    @DRAWN
    @given(visits=visits(most_missing=7), chunks=CHUNKS)
    def test_streaming_equals_forward(
        self, encoder: StreamingEncoder, visits: list[Visit], chunks: list[int]
    ) -> None:
        """Contract 4: for any chunking the joined valid outputs are those of forward.

        Streams begin and end at different times in one batch; float64 to 1e-9.
        """
        ready = _ready(encoder)
        check_batch(ready, visits, _frames(ready, visits), chunks, FLOAT64_TOLERANCE)

    def test_streaming_equals_forward_in_float32(self, encoder: StreamingEncoder) -> None:
        """Contract 4 in the precision that serves: to 1e-4."""
        ready = _ready(encoder).float()
        sounds = [sound.float() for sound in _frames(ready, LONG_AND_SHORT)]
        check_batch(ready, LONG_AND_SHORT, sounds, [2, 1, 5], FLOAT32_TOLERANCE)

    def test_streaming_finish_gives_the_tail(self, encoder: StreamingEncoder) -> None:
        """Contract 4: with what `finish` gives, no frame is missing, however short the stream."""
        ready = _ready(encoder)
        for strides in range(13):
            alone = [Visit(0, strides, 0)]
            check_batch(ready, alone, _frames(ready, alone), [3], FLOAT64_TOLERANCE)

    @DRAWN
    @given(visits=visits(most_missing=7), chunk=st.integers(1, 4))
    def test_streaming_streams_join_and_leave(
        self, encoder: StreamingEncoder, visits: list[Visit], chunk: int
    ) -> None:
        """Contract 4: states stack when streams join, split when one ends, and drop.

        So a server's batch is whoever speaks just now.
        """
        ready = _ready(encoder)
        _check_server(ready, visits, _frames(ready, visits), chunk)

    def test_streaming_starts_afresh(self, encoder: StreamingEncoder) -> None:
        """Contract 4: `initial_state` is of streams that have heard nothing, each its own.

        Else one caller hears what another said.
        """
        ready = _ready(encoder)
        check_apart(ready, _frames(ready, [Visit(0, 11, 0), Visit(0, 9, 0), Visit(0, 10, 0)]))

    def test_streaming_states_are_tensors_by_stream(self, encoder: StreamingEncoder) -> None:
        """Contract 4: a state is a nested structure of tensors whose first axis is the stream."""
        ready = _ready(encoder)
        for streams in (1, 3):
            _check_state(ready, _frames(ready, [Visit(0, 2, 0)] * streams))

    def test_streaming_silence_stays_void(self, encoder: StreamingEncoder) -> None:
        """Contract 4: where nobody speaks, nothing comes out: void frames that hold zeros."""
        ready = _ready(encoder)
        check_silence(ready, _frames(ready, [Visit(0, 1, 0)])[0])


class StreamingFrontendContract(Repeatable):
    """Subclass it beside FrontendContract; `frontend` is an instance that can stream."""

    @pytest.fixture
    def frontend(self) -> StreamingFrontend:
        raise NotImplementedError("give the contract your frontend: define the fixture `frontend`")

    def test_streaming_stride_is_the_frames(self, frontend: StreamingFrontend) -> None:
        """Contract 4: `stride` is `frame_seconds` in samples; `delay` is whole strides of it."""
        samples = round(frontend.frame_seconds * frontend.sample_rate)
        stride = getattr(frontend, "stride", None)
        assert stride == samples, (
            f"stride is {stride!r} samples where frame_seconds is {frontend.frame_seconds:g}; "
            f"expected {samples}"
        )
        check_delay(frontend)

    @DRAWN
    @given(visits=visits(most_missing=5000), chunks=CHUNKS)
    def test_streaming_equals_forward(
        self, frontend: StreamingFrontend, visits: list[Visit], chunks: list[int]
    ) -> None:
        """Contract 4: for any chunking the joined valid frames are those of forward.

        Streams begin and end at different times in one batch, an end amid a stride; float64 to
        1e-9.
        """
        ready = _learned(frontend)
        check_batch(ready, visits, _waves(ready, visits), chunks, FLOAT64_TOLERANCE)

    def test_streaming_equals_forward_in_float32(self, frontend: StreamingFrontend) -> None:
        """Contract 4 in the precision that serves: to 1e-4."""
        ready = _learned(frontend).float()
        sounds = [sound.float() for sound in _waves(ready, LONG_AND_SHORT)]
        check_batch(ready, LONG_AND_SHORT, sounds, [2, 1, 5], FLOAT32_TOLERANCE)

    def test_streaming_finish_gives_the_tail(self, frontend: StreamingFrontend) -> None:
        """Contract 4: with what `finish` gives, no frame is missing, wherever the stream ends."""
        ready = _learned(frontend)
        delays = 2 + ready.delay // ready.stride
        for strides in range(delays + 1):
            for missing in (0, 1, ready.stride // 2, ready.stride - 1):
                alone = [Visit(0, strides, missing)]
                check_batch(ready, alone, _waves(ready, alone), [3], FLOAT64_TOLERANCE)

    @DRAWN
    @given(visits=visits(most_missing=5000), chunk=st.integers(1, 4))
    def test_streaming_streams_join_and_leave(
        self, frontend: StreamingFrontend, visits: list[Visit], chunk: int
    ) -> None:
        """Contract 4: states stack when streams join, split when one ends, and drop."""
        ready = _learned(frontend)
        _check_server(ready, visits, _waves(ready, visits), chunk)

    def test_streaming_starts_afresh(self, frontend: StreamingFrontend) -> None:
        """Contract 4: `initial_state` is of streams that have heard nothing, each its own."""
        ready = _learned(frontend)
        check_apart(ready, _waves(ready, [Visit(0, 11, 0), Visit(0, 9, 0), Visit(0, 10, 0)]))

    def test_streaming_states_are_tensors_by_stream(self, frontend: StreamingFrontend) -> None:
        """Contract 4: a state is a nested structure of tensors whose first axis is the stream."""
        ready = _learned(frontend)
        for streams in (1, 3):
            _check_state(ready, _waves(ready, [Visit(0, 2, 0)] * streams))

    def test_streaming_silence_stays_void(self, frontend: StreamingFrontend) -> None:
        """Contract 4: where nobody speaks, nothing comes out: void frames that hold zeros."""
        ready = _learned(frontend)
        check_silence(ready, _waves(ready, [Visit(0, 1, 0)])[0])


def _ready(encoder: StreamingEncoder) -> StreamingEncoder:
    sound = utterances([40 * encoder.stride], encoder.input_size, seed=5)[0]
    return seasoned(encoder, sound)


def _frames(encoder: StreamingEncoder, visits: Sequence[Visit]) -> list[Tensor]:
    """[frames, input_size] for each stream."""
    lengths = [visit.length(encoder.stride) for visit in visits]
    return utterances(lengths, encoder.input_size, seed=6)


def _learned(frontend: StreamingFrontend) -> StreamingFrontend:
    """A copy in float64 and evaluation mode that has learned: what leaks is not hidden by zeros."""
    copied = copy.deepcopy(frontend).double()
    copied.learn(iter([join(_waves(copied, [Visit(0, 60, 0)]))]))
    return copied.eval()


def _waves(frontend: StreamingFrontend, visits: Sequence[Visit]) -> list[Tensor]:
    """[samples] for each stream, each of another voice."""
    rate = frontend.sample_rate
    lengths = [visit.length(frontend.stride) for visit in visits]
    sounds = [speech(length, rate, seed=seed) for seed, length in enumerate(lengths)]
    return [torch.from_numpy(sound).double() for sound in sounds]


def _check_server(
    ready: Streamer, visits: Sequence[Visit], sounds: Sequence[Tensor], chunk: int
) -> None:
    heard = Server(ready, chunk).hear([visit.start for visit in visits], sounds)
    for sound, parts in zip(sounds, heard, strict=True):
        check_stream(ready, sound, parts, FLOAT64_TOLERANCE)


def _check_state(ready: Streamer, sounds: Sequence[Tensor]) -> None:
    """Every tensor of a first and of a following state has a row for each stream."""
    streams = len(sounds)
    state = ready.initial_state(streams)
    _, following = stepped(ready, chunk_of(sounds, 2 * ready.stride), state)
    for name, held in (("initial_state", state), ("step", following)):
        for tensor in tensors_in(held):
            assert tensor.dim() > 0, f"{name} gave a state with a number; expected rows"
            assert len(tensor) == streams, (
                f"{name} gave a state with a tensor of shape {list(tensor.shape)} for "
                f"{streams} streams: the first axis is the stream"
            )
