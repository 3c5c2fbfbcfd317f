"""Sound as it arrives: a recording at its own pace, or raw samples from a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np

from ds2kit.audio.read import Recording, Waveform, mono
from ds2kit.errors import UserError


class Pipe(Protocol):
    """A binary file whose `read1` gives what is there, and waits only where nothing is."""

    def read1(self, size: int, /) -> bytes: ...


def pieces(recording: Recording, seconds: float) -> Iterator[Waveform]:
    """A recording's samples, mono, in pieces of so many seconds; the last may be shorter.

    Raises UserError as `read` does; what is cut off or damaged is found at the end.
    """
    size = _samples(seconds, recording.sample_rate)
    waiting = np.zeros(0, np.float32)
    for block in recording.blocks():
        waiting = np.concatenate([waiting, mono(block)])
        whole = len(waiting) // size * size
        yield from waiting[:whole].reshape(-1, size)
        waiting = waiting[whole:]
    if len(waiting):
        yield waiting


def pcm(pipe: Pipe, sample_rate: int, seconds: float) -> Iterator[Waveform]:
    """Mono samples of signed 16-bit little-endian PCM as they come, so many seconds at most at
    once, till the pipe ends.

    Raises UserError where it ends amid a sample.
    """
    odd = b""
    while data := pipe.read1(2 * _samples(seconds, sample_rate)):
        data = odd + data
        whole = len(data) // 2 * 2
        odd = data[whole:]
        yield np.frombuffer(data[:whole], "<i2").astype(np.float32) / np.float32(32768)
    if odd:
        raise UserError(
            "the PCM ended amid a sample, after an odd number of bytes; expected signed 16-bit "
            "little-endian samples of one channel"
        )


def paced(
    sound: Iterable[Waveform],
    sample_rate: int,
    pace: float,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Waveform]:
    """Pieces when they would have been heard whole, were they played `pace` times as fast.

    pace: 0 does not wait at all
    """
    begin, samples = now(), 0
    for piece in sound:
        samples += len(piece)
        early = begin + samples / sample_rate / pace - now() if pace else 0.0
        if early > 0:
            sleep(early)
        yield piece


def _samples(seconds: float, sample_rate: int) -> int:
    return max(1, round(seconds * sample_rate))
