"""The claims of containers: cut files are found, streamed ones are not mistaken for them."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from ds2kit.audio.containers import checked
from ds2kit.audio.read import read
from ds2kit.errors import UserError


def wav(samples: int = 1000, container: str = "WAV") -> bytearray:
    written = io.BytesIO()
    values = np.arange(samples, dtype=np.int16)
    soundfile.write(written, values, 16000, format=container, subtype="PCM_16")
    return bytearray(written.getvalue())


@pytest.mark.parametrize("riff", [0, 0xFFFFFFFF])
@pytest.mark.parametrize("data", [0, 0xFFFFFFFF, 0x7FFFF000])
def test_wav_from_a_pipe(riff: int, data: int) -> None:
    sound = wav()
    sound[4:8], sound[40:44] = struct.pack("<I", riff), struct.pack("<I", data)

    assert np.array_equal(read(bytes(sound), 16000), read(bytes(wav()), 16000))


def test_a_wav_of_no_samples_is_not_taken_for_a_stream() -> None:
    listed = b"LIST" + struct.pack("<I", 4) + b"INFO"
    sound = wav(0) + listed
    sound[4:8] = struct.pack("<I", len(sound) - 8)

    with pytest.raises(UserError, match="holds no samples"):
        read(bytes(sound), 16000)


def test_chunks_before_and_after_the_sound_are_passed() -> None:
    plain = wav()
    odd = b"note" + struct.pack("<I", 3) + b"abc\0"
    sound = plain[:36] + odd + plain[36:] + b"LIST" + struct.pack("<I", 4) + b"INFO"

    assert np.array_equal(read(bytes(sound), 16000), read(bytes(plain), 16000))
    with pytest.raises(UserError, match=r"claims 2000 bytes of sound, 1990 are there"):
        read(bytes(sound[: 44 + len(odd) + 1990]), 16000)


def test_a_wav_of_64_bits() -> None:
    sound = bytes(wav(container="RF64"))

    assert len(read(sound, 16000)) == 1000
    with pytest.raises(UserError, match="cut off"):
        read(sound[:-10], 16000)


def test_a_wav_that_ends_in_its_header() -> None:
    with pytest.raises(UserError, match="ends before its data chunk"):
        read(bytes(wav()[:30]), 16000)


def ogg() -> bytes:
    written = io.BytesIO()
    values = np.random.default_rng(0).uniform(-0.3, 0.3, 64_000)
    soundfile.write(written, values, 16000, format="OGG", subtype="OPUS")
    return written.getvalue()


def test_an_ogg_that_ends_at_a_page_without_the_end_mark() -> None:
    whole = ogg()
    last_page = whole.rfind(b"OggS")

    with pytest.raises(UserError, match="not the end of the stream"):
        read(whole[:last_page], 16000)


def test_an_ogg_that_ends_within_a_page() -> None:
    with pytest.raises(UserError, match="whole page"):
        read(ogg()[:-3], 16000)


def test_the_file_is_given_back_at_its_start() -> None:
    file = io.BytesIO(ogg())

    assert checked(file, "a") is file
    assert file.tell() == 0
