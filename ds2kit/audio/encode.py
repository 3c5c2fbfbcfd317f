"""What a recording becomes in a shard: its own bytes, or FLAC."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from ds2kit.audio.read import Recording, Waveform, opened
from ds2kit.errors import UserError

KEPT = ("flac", "ogg", "opus", "mp3")
"""Formats whose bytes are kept as they came."""

FLAC_CHANNELS = 8
"""More than these do not fit in FLAC and are mixed."""

LOUDEST = 4.0
"""Floating-point samples are clipped to full scale; beyond this they were never scaled to it."""


@dataclass(frozen=True)
class Encoded:
    """A recording, or a piece of one, that has been decoded once from end to end.

    format:  flac, ogg, opus or mp3
    samples: of each channel, at sample_rate
    """

    data: bytes
    format: str
    samples: int
    sample_rate: int
    crc32: int


def encoded(
    source: Path | bytes,
    *,
    name: str = "",
    start: float = 0.0,
    seconds: float | None = None,
    channel: int | None = None,
) -> Encoded:
    """A recording as a shard keeps it, every sample of it checked.

    flac, ogg, opus and mp3 that are taken whole and on all their channels keep their bytes.
    Anything else becomes FLAC, of 16 bits where the source has at most so many (or is lossy),
    else of 24.

    Raises UserError as `audio.read.read` does.
    """
    name = name or (str(source) if isinstance(source, Path) else "the sound")
    whole = start == 0.0 and seconds is None
    if whole and isinstance(source, Path):
        source = _file(source, name)
    with opened(source, name) as recording:
        blocks = recording.blocks(start, seconds, channel=channel)
        every_channel = channel is None or recording.channels == 1
        if whole and every_channel and recording.format in KEPT and isinstance(source, bytes):
            data, kind, samples = source, recording.format, sum(len(block) for block in blocks)
        else:
            data, samples = _flac(recording, blocks, channel)
            kind = "flac"
        return Encoded(data, kind, samples, recording.sample_rate, zlib.crc32(data))


def _file(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{name} is not there; expected an audio file") from error
    except OSError as error:
        raise UserError(f"{name} could not be read: {error.strerror or error}") from error


def _flac(
    recording: Recording, blocks: Iterator[Waveform], channel: int | None
) -> tuple[bytes, int]:
    """FLAC bytes and the number of samples."""
    bits = 16 if recording.bits <= 16 else 24
    channels = recording.channels if channel is None else 1
    mixed = channels > FLAC_CHANNELS
    file, samples = io.BytesIO(), 0
    with soundfile.SoundFile(
        file,
        "w",
        samplerate=recording.sample_rate,
        channels=1 if mixed else channels,
        format="FLAC",
        subtype=f"PCM_{bits}",
    ) as flac:
        for block in blocks:
            taken = block.mean(axis=1, keepdims=True) if mixed else block
            flac.write(_integers(taken, bits, recording.name))
            samples += len(block)
    return file.getvalue(), samples


def _integers(block: Waveform, bits: int, name: str) -> np.ndarray:
    """Samples in [-1, 1] as libsndfile takes them: the value's bits at the top of the integer."""
    peak = float(np.abs(block).max())
    if peak > LOUDEST:
        raise UserError(f"{name} holds samples of up to {peak:g}; expected them within [-1, 1]")
    scale = 1 << (bits - 1)
    values = np.clip(np.rint(block.astype(np.float64) * scale), -scale, scale - 1)
    if bits == 16:
        return values.astype(np.int16)
    return values.astype(np.int32) << 8
