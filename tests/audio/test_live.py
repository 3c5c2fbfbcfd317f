"""Sound as it arrives: the same samples as at once, in pieces, in time."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.audio.live import paced, pcm, pieces
from ds2kit.audio.read import opened, read
from ds2kit.audio.write import wav
from ds2kit.errors import UserError


def noise(samples: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(samples)


@pytest.mark.parametrize("samples", [1, 799, 800, 801, 40_000])
def test_pieces_joined_are_the_recording(samples: int) -> None:
    data = wav(noise(samples), 8000)

    with opened(data) as recording:
        found = list(pieces(recording, 0.1))

    assert [len(piece) for piece in found[:-1]] == [800] * (len(found) - 1)
    assert 0 < len(found[-1]) <= 800
    np.testing.assert_array_equal(np.concatenate(found), read(data, 8000))


def test_a_recording_of_an_hour_takes_no_more_memory_than_a_piece(tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(wav(np.zeros(3600 * 1000), 1000))

    tracemalloc.start()
    with opened(tmp_path / "long.wav") as recording:
        samples = sum(len(piece) for piece in pieces(recording, 0.1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert samples == 3_600_000
    assert peak < 1e6  # all of it would be 14 MB


def test_a_recording_that_is_cut_off_is_told_at_its_end() -> None:
    flac = io.BytesIO()
    soundfile.write(flac, noise(40_000), 8000, format="FLAC")
    heard: list[np.ndarray] = []

    with opened(flac.getvalue()[:50_000], "cut.flac") as recording:
        sound = pieces(recording, 0.1)
        with pytest.raises(UserError, match=r"cut\.flac is cut off or damaged"):
            heard.extend(sound)

    assert sum(map(len, heard)) >= 16_000


class Slow:
    """A pipe that has so many bytes at a time, whatever is asked for."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.data, self.sizes, self.asked = data, sizes, []

    def read1(self, size: int, /) -> bytes:
        self.asked.append(size)
        there = self.sizes[len(self.asked) % len(self.sizes)]
        piece, self.data = self.data[: min(size, there)], self.data[min(size, there) :]
        return piece


@given(
    samples=st.lists(st.integers(-32768, 32767), max_size=60),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
)
def test_pcm_is_what_the_bytes_say(samples: list[int], sizes: list[int]) -> None:
    pipe = Slow(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples), sizes)

    found = list(pcm(pipe, 1000, seconds=0.004))

    joined = np.concatenate([np.zeros(0, np.float32), *found])
    assert joined.dtype == np.float32
    assert joined.tolist() == [sample / 32768 for sample in samples]
    assert set(pipe.asked) == {8}
    # What is there is handed on, before more is asked for.
    assert all(2 * len(piece) <= 8 for piece in found)


@given(length=st.integers(0, 40), sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_pcm_that_ends_amid_a_sample_is_refused(length: int, sizes: list[int]) -> None:
    pipe, heard = Slow(bytes(2 * length + 1), sizes), []

    with pytest.raises(UserError, match=r"odd number of bytes; expected signed 16-bit"):
        heard.extend(pcm(pipe, 1000, seconds=0.004))

    assert sum(map(len, heard)) == length


class Clock:
    """Time that passes while somebody sleeps, or works."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.time += seconds


@pytest.mark.parametrize("pace", [1.0, 0.5, 4.0])
def test_a_piece_comes_when_it_would_have_been_heard(pace: float) -> None:
    clock = Clock()
    sound = [np.zeros(size, np.float32) for size in (100, 50, 0, 100)]

    came = [clock.time - 100 for _ in paced(sound, 1000, pace, now=clock.now, sleep=clock.sleep)]

    assert came == pytest.approx([0.1 / pace, 0.15 / pace, 0.15 / pace, 0.25 / pace])


def test_who_is_late_does_not_wait() -> None:
    clock, came = Clock(), []
    sound = [np.zeros(100, np.float32)] * 5

    for _ in paced(sound, 1000, 1.0, now=clock.now, sleep=clock.sleep):
        came.append(clock.time - 100)
        clock.time += 0.25 if len(came) == 1 else 0.01  # the first takes long to work on

    assert came == pytest.approx([0.1, 0.35, 0.36, 0.4, 0.5])


def test_without_a_pace_nothing_waits() -> None:
    clock = Clock()

    assert len(list(paced([np.zeros(9)] * 3, 1, 0.0, now=clock.now, sleep=clock.sleep))) == 3
    assert clock.time == 100.0
