"""What a shard keeps is the recording: its own bytes, or FLAC of the same samples."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ds2kit.audio.encode import encoded
from ds2kit.audio.read import read
from ds2kit.errors import UserError
from ds2kit.testing.sounds import speech

KEPT = {"flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")}
KEPT["mp3"] = ("MP3", "MPEG_LAYER_III")


def file_of(samples: np.ndarray, container: str, subtype: str, rate: int = 16000) -> bytes:
    written = io.BytesIO()
    soundfile.write(written, samples, rate, format=container, subtype=subtype)
    return written.getvalue()


@pytest.mark.parametrize("kind", KEPT)
def test_compressed_bytes_stay_as_they_came(kind: str, tmp_path: Path) -> None:
    stereo = np.stack([speech(24_000, 16000), speech(24_000, 16000, seed=1)], axis=1)
    data = file_of(stereo, *KEPT[kind])
    (tmp_path / "sound").write_bytes(data)

    kept = encoded(tmp_path / "sound")

    assert kept.data == data == encoded(data).data
    assert (kept.format, kept.samples, kept.sample_rate) == (kind, 24_000, 16000)
    assert kept.crc32 == zlib.crc32(data)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "ULAW", "PCM_24"])
def test_wav_becomes_flac_of_the_same_samples(subtype: str) -> None:
    data = file_of(speech(20_000, 8000), "WAV", subtype, 8000)

    kept = encoded(data)

    with soundfile.SoundFile(io.BytesIO(kept.data)) as file:
        assert file.subtype == ("PCM_24" if subtype == "PCM_24" else "PCM_16")
    assert (kept.format, kept.samples, kept.sample_rate) == ("flac", 20_000, 8000)
    assert np.array_equal(read(kept.data, 8000), read(data, 8000))


def test_floats_lose_no_more_than_24_bits_do() -> None:
    data = file_of(speech(20_000, 16000), "WAV", "FLOAT")

    assert np.abs(read(encoded(data).data, 16000) - read(data, 16000)).max() <= 2.0**-23


def test_floats_are_clipped_or_refused_where_they_were_never_scaled() -> None:
    loud = 2.2 * speech(8000, 16000)

    heard = read(encoded(file_of(loud, "WAV", "FLOAT")).data, 16000)
    assert np.abs(heard - np.clip(loud, -1, 1)).max() < 1e-6
    with pytest.raises(UserError, match=r"expected them within \[-1, 1\]"):
        encoded(file_of(loud * 10_000, "WAV", "FLOAT"))


@pytest.mark.parametrize("kind", ["flac", "opus"])
def test_a_piece_and_a_channel_become_flac(kind: str) -> None:
    stereo = np.stack([speech(48_000, 16000), speech(48_000, 16000, seed=1)], axis=1)
    data = file_of(stereo, *KEPT[kind])

    piece = encoded(data, start=1.0, seconds=0.5)
    channel = encoded(data, channel=1)

    assert (piece.format, piece.samples) == (channel.format, channel.samples // 6) == ("flac", 8000)
    with soundfile.SoundFile(io.BytesIO(piece.data)) as file:
        assert file.channels == 2
    expected = read(data, 16000, start=1.0, seconds=0.5)
    assert np.abs(read(piece.data, 16000) - expected).max() < 1e-4
    assert np.abs(read(channel.data, 16000) - read(data, 16000, channel=1)).max() < 1e-4


def test_the_only_channel_is_the_whole_file() -> None:
    data = file_of(speech(8000, 16000), *KEPT["opus"])

    assert encoded(data, channel=0).data == data


def test_more_channels_than_flac_has_are_mixed() -> None:
    many = np.stack([speech(8000, 16000, seed=i) for i in range(10)], axis=1)

    heard = read(encoded(file_of(many, "WAV", "PCM_16")).data, 16000)

    assert np.abs(heard - many.mean(axis=1)).max() < 1e-4


@pytest.mark.parametrize("kind", KEPT)
def test_cut_files_are_refused(kind: str) -> None:
    data = file_of(speech(48_000, 16000), *KEPT[kind])

    with pytest.raises(UserError, match=r"a is cut off"):
        encoded(data[:-20], name="a")


def test_missing_files_are_named(tmp_path: Path) -> None:
    for seconds in (None, 1.0):
        with pytest.raises(UserError, match=r"gone\.flac is not there"):
            encoded(tmp_path / "gone.flac", seconds=seconds)
