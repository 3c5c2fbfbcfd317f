"""An MP3 that does not say how long it is loses nothing."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from ds2kit.audio import mpeg
from ds2kit.audio.read import read
from ds2kit.errors import UserError


def mp3(seconds: float, rate: int, channels: int, mode: str) -> bytes:
    """Silence first and noise after: a variable bit rate begins far below its mean."""
    generator = np.random.default_rng(0)
    sound = generator.uniform(-0.5, 0.5, (round(seconds * rate), channels))
    sound[: len(sound) // 2] *= 0.001
    written = io.BytesIO()
    with soundfile.SoundFile(
        written,
        "w",
        rate,
        channels,
        "MPEG_LAYER_III",
        format="MP3",
        bitrate_mode=mode,
        compression_level=0.5,
    ) as file:
        file.write(sound)
    return written.getvalue()


def without_tag(data: bytes) -> bytes:
    """The same without its first frame, which holds the length."""
    assert mpeg.has_length(data[:1441])
    return data[data.find(data[:2], 4) :]


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_all_of_a_stream_without_length_is_heard(rate: int, channels: int, mode: str) -> None:
    whole = mp3(3.0, rate, channels, mode)

    heard, tagged = read(without_tag(whole), rate), read(whole, rate)

    # The tag also tells the encoder's delay and padding: without it they are heard.
    assert len(tagged) == 3 * rate
    assert len(tagged) <= len(heard) < len(tagged) + 4000


@pytest.mark.parametrize("kept", [0.4, 0.99])
def test_a_stream_without_length_that_is_cut(kept: float) -> None:
    data = without_tag(mp3(3.0, 16000, 1, "VARIABLE"))

    with pytest.raises(UserError, match="its last frame is not whole"):
        read(data[: int(len(data) * kept) + 1], 16000)


def test_tags_in_front_and_behind_are_passed() -> None:
    plain = without_tag(mp3(1.0, 16000, 1, "CONSTANT"))
    in_front = b"ID3\x04\0\0\0\0\x01\x00" + bytes(128)
    behind = b"TAG" + bytes(125)

    assert np.array_equal(read(in_front + plain + behind, 16000), read(plain, 16000))


def test_damage_in_the_middle_is_found() -> None:
    data = bytearray(without_tag(mp3(1.0, 16000, 1, "CONSTANT")))
    second = data.find(data[:2], 4)
    data[second : second + 4] = b"\0\0\0\0"

    with pytest.raises(UserError, match=f"no frame at byte {second}"):
        read(bytes(data), 16000)
