"""Any common file becomes the same mono samples, or one line says why not."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.audio.read import Resampler, read, resampled_length
from ds2kit.errors import UserError
from ds2kit.testing.sounds import speech

RATES = [8000, 11025, 16000, 22050, 24000, 44100, 48000]
SPEEDS = [0.9, 1.0, 1.1]
KINDS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}


def tone(seconds: float, rate: int) -> np.ndarray:
    """[samples]: two tones far below any Nyquist frequency here, faded at both ends."""
    time = np.arange(round(seconds * rate)) / rate
    fade = np.minimum(1.0, np.minimum(time, seconds - time) / 0.05)
    both = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sin(2 * np.pi * 1250 * time)
    return (fade * both).astype(np.float32)


def file_of(samples: np.ndarray, rate: int = 16000, kind: str = "wav", subtype: str = "") -> bytes:
    container, usual = KINDS[kind]
    written = io.BytesIO()
    soundfile.write(written, samples, rate, format=container, subtype=subtype or usual)
    return written.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_comes_back_from_file_and_bytes(kind: str, tmp_path: Path) -> None:
    sound = tone(1.5, 16000)
    path = tmp_path / f"sound.{kind}"
    path.write_bytes(file_of(sound, kind=kind))

    heard = read(path, 16000)

    assert heard.dtype == np.float32
    assert heard.shape == sound.shape
    # libsndfile's Opus encoder spoils the last 40 samples.
    assert np.abs(heard - sound)[:-100].max() < (1e-4 if kind in ("wav", "flac") else 0.05)
    assert np.array_equal(heard, read(path.read_bytes(), 16000))


@pytest.mark.parametrize("kind", ["wav", "flac"])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_other_rates_and_channels_sound_the_same(kind: str, rate: int, channels: int) -> None:
    copy = np.repeat(tone(1.0, rate)[:, None], channels, axis=1)

    heard = read(file_of(copy, rate, kind), 16000)

    assert len(heard) == 16000
    assert np.abs(heard - tone(1.0, 16000)).max() < 2e-3


def test_samples_at_the_same_rate_are_untouched() -> None:
    sound = np.random.default_rng(0).uniform(-1, 1, 40_000).astype(np.float32)

    assert np.array_equal(read(file_of(sound, subtype="FLOAT"), 16000), sound)


def test_channels_are_averaged_or_chosen() -> None:
    left, right = tone(0.5, 16000), speech(8000, 16000)
    stereo = file_of(np.stack([left, right], axis=1), subtype="FLOAT")

    assert np.array_equal(read(stereo, 16000, channel=1), right)
    assert np.allclose(read(stereo, 16000), (left + right) / 2, atol=1e-7)
    with pytest.raises(UserError, match=r"the sound has no channel 2; it has 2"):
        read(stereo, 16000, channel=2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_piece_is_that_piece(kind: str) -> None:
    data = file_of(speech(48_000, 16000), kind=kind)
    whole = read(data, 16000)

    piece = read(data, 16000, start=1.25, seconds=0.5)

    # An Opus decoder has not quite settled after a seek.
    assert np.abs(piece - whole[20_000:28_000]).max() < 0.02
    assert len(read(data, 16000, start=2.5)) == 8000


def test_a_piece_may_overshoot_by_a_rounding_and_no_more() -> None:
    data = file_of(tone(1.0, 16000))

    assert len(read(data, 16000, start=0.5, seconds=0.9)) == 8000
    with pytest.raises(UserError, match=r"ends at 1\.600 s, but it has 1\.000 s"):
        read(data, 16000, start=0.5, seconds=1.1)
    with pytest.raises(UserError, match=r"starts at 2\.000 s, but it has 1\.000 s"):
        read(data, 16000, start=2.0)


@settings(max_examples=60)
@given(samples=st.integers(1, 20_000), rate=st.sampled_from(RATES), speed=st.sampled_from(SPEEDS))
def test_length_is_the_formula(samples: int, rate: int, speed: float) -> None:
    sound = np.linspace(-0.5, 0.5, samples, dtype=np.float32)

    heard = read(file_of(sound, rate), 16000, speed=speed)

    exact = Fraction(samples * 16000, rate) / Fraction(str(speed))
    assert len(heard) == resampled_length(samples, rate, 16000, speed)
    assert abs(len(heard) - exact) <= Fraction(1, 2)


@settings(max_examples=40)
@given(
    cuts=st.lists(st.integers(0, 9000), max_size=6),
    rate=st.sampled_from(RATES),
    speed=st.sampled_from(SPEEDS),
)
def test_pieces_resample_as_the_whole(cuts: list[int], rate: int, speed: float) -> None:
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, 9000).astype(np.float32)

    def resampled(blocks: list[np.ndarray]) -> np.ndarray:
        resampler = Resampler(rate, 16000, speed)
        return np.concatenate([*map(resampler.feed, blocks), resampler.finish()])

    whole = resampled([sound])
    assert np.array_equal(resampled(np.split(sound, sorted(cuts))), whole)
    assert len(whole) == resampled_length(9000, rate, 16000, speed)


@pytest.mark.parametrize("speed", SPEEDS)
def test_speed_moves_tempo_and_pitch(speed: float) -> None:
    heard = read(file_of(tone(2.0, 16000)), 16000, speed=speed)

    spectrum = np.abs(np.fft.rfft(heard))
    pitch = spectrum.argmax() * 16000 / len(heard)
    assert len(heard) == round(32_000 / speed)
    assert pitch == pytest.approx(440 * speed, abs=1)


def test_bad_speed_is_refused() -> None:
    with pytest.raises(UserError, match="speed is 0"):
        read(file_of(tone(0.1, 16000)), 16000, speed=0.0)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.wav is not there"):
        read(tmp_path / "gone.wav", 16000)
    with pytest.raises(UserError, match="could not be read"):
        read(tmp_path, 16000)


def test_empty_and_not_audio_are_named(tmp_path: Path) -> None:
    for name, content, message in (
        ("empty.wav", b"", r"empty\.wav is empty \(0 bytes\)"),
        ("note.wav", b"this is a note, no sound at all " * 50, r"note\.wav is not audio"),
        ("noise.mp3", np.random.default_rng(0).bytes(5000), r"noise\.mp3 is not audio"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UserError, match=message) as raised:
            read(path, 16000)
        assert "\n" not in str(raised.value)


def test_no_samples() -> None:
    with pytest.raises(UserError, match="a holds no samples"):
        read(file_of(np.zeros(0, np.float32)), 16000, name="a")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncation_is_found(kind: str, share: float) -> None:
    data = file_of(speech(48_000, 16000), kind=kind)

    with pytest.raises(UserError, match=r"cut\.x is (cut off|not audio)"):
        read(data[: int(len(data) * share)], 16000, name="cut.x")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite(value: float) -> None:
    sound = tone(0.5, 16000)
    sound[100] = value

    with pytest.raises(UserError, match="not finite"):
        read(file_of(sound, subtype="FLOAT"), 16000)


def test_too_long_is_refused_before_decoding() -> None:
    data = file_of(tone(2.0, 16000))

    assert len(read(data, 16000, max_seconds=2.0)) == 32_000
    assert len(read(data, 16000, max_seconds=1.0, seconds=1.0)) == 16_000
    with pytest.raises(UserError, match="longer than 1 s"):
        read(data, 16000, max_seconds=1.0)


def test_flac_that_does_not_know_its_length() -> None:
    data = bytearray(file_of(tone(2.0, 16000), kind="flac"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)

    assert len(read(bytes(data), 16000)) == 32_000
    assert len(read(bytes(data), 16000, start=1.0, seconds=0.5)) == 8000
    with pytest.raises(UserError, match="longer than 1 s"):
        read(bytes(data), 16000, max_seconds=1.0)


def test_impossible_rate_is_refused() -> None:
    data = bytearray(file_of(tone(0.5, 16000)))
    data[24:28] = struct.pack("<I", 2)

    with pytest.raises(UserError, match="sample rate of 2 Hz"):
        read(bytes(data), 16000)


BOUNDED = """
import resource, sys
from ds2kit.audio.read import read
from ds2kit.errors import UserError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read(sys.stdin.buffer.read(), 16000)
except UserError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_a_header_that_claims_hours_costs_no_memory(kind: str) -> None:
    data = bytearray(file_of(tone(0.1, 16000), kind=kind))
    if kind == "wav":
        data[40:44] = struct.pack("<I", 1_500_000_000)
    else:
        data[21] |= 0x0F
        data[22:26] = b"\xff\xff\xff\xff"

    done = subprocess.run(
        [sys.executable, "-c", BOUNDED], input=bytes(data), capture_output=True, check=True
    )

    message, kilobytes = done.stdout.decode().splitlines()
    assert "is cut off" in message
    assert int(kilobytes) < 50_000
