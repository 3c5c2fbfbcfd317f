"""Samples to the bytes of a file: for recipes that make their sound, or join it."""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray

SCALE = 32768
"""Full scale of 16 bits."""


def wav(samples: NDArray[np.floating], sample_rate: int) -> bytes:
    """A wav file of 16 bits: [samples] within [-1, 1]; what is beyond is clipped.

    `read` of it at the same rate gives the samples again, to 1 / 65536; those that came from 16
    bits exactly.
    """
    scaled = np.rint(np.asarray(samples, dtype=np.float64) * SCALE)
    integers = np.clip(scaled, -SCALE, SCALE - 1).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(sample_rate)
        opened.writeframes(integers.tobytes())
    return file.getvalue()
