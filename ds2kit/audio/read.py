"""Sound of any common format, rate and channel count to mono samples at one rate."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ds2kit.audio.containers import checked
from ds2kit.errors import UserError

FORMATS = {"WAV": "wav", "WAVEX": "wav", "RF64": "wav", "FLAC": "flac", "OGG": "ogg", "MP3": "mp3"}
"""libsndfile's names of the containers that are read, and ours."""

BITS = {"PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
"""Subtypes that hold more than 16 bits a sample."""

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Hertz; a header outside has been damaged, and must not ask for gigabytes of resampled sound."""

OVERSHOOT_SECONDS = 0.5
"""A piece may be claimed to end so much after its recording does: times are often rounded."""

BLOCK = 16_384
"""Samples decoded at once, over all channels."""

Waveform = NDArray[np.float32]


def read(
    source: Path | bytes,
    sample_rate: int,
    *,
    name: str = "",
    start: float = 0.0,
    seconds: float | None = None,
    channel: int | None = None,
    speed: float = 1.0,
    max_seconds: float | None = None,
) -> Waveform:
    """Mono samples at `sample_rate`: [samples] float32, full scale is [-1, 1].

    There are exactly `resampled_length(samples of the piece, its rate, sample_rate, speed)`. At
    equal rates the samples are the recording's own. Memory grows with the sound that is really
    there, whatever a header claims.

    source:      a wav, flac, ogg, opus or mp3 file, or its bytes
    name:        what a message calls it; a file's path otherwise
    start:       seconds into the recording
    seconds:     how much of it; None takes it to the end
    channel:     from 0; None takes the mean of all
    speed:       1.1 is faster and higher, as if the recording's rate were 1.1 times what it is
                 (Ko et al., Audio Augmentation for Speech Recognition, 2015); to 3 decimals
    max_seconds: refuse a piece that is longer, before decoding it

    Raises UserError, one line with the name: not there, empty, not audio, without samples, cut
    off, damaged, with samples that are not finite, too long, or without such a channel or piece.
    """
    with opened(source, name) as recording:
        resampler = Resampler(recording.sample_rate, sample_rate, speed)
        pieces = [
            resampler.feed(mono(block))
            for block in recording.blocks(start, seconds, channel=channel, max_seconds=max_seconds)
        ]
    return np.concatenate([*pieces, resampler.finish()])


@contextmanager
def opened(source: Path | bytes, name: str = "") -> Iterator[Recording]:
    """A recording to read once, its header checked against its bytes.

    Raises UserError as `read` does.
    """
    name = name or (str(source) if isinstance(source, Path) else "the sound")
    with ExitStack() as opening:
        try:
            file = opening.enter_context(_bytes(source))
            sound = opening.enter_context(_decoder(checked(file, name), name))
        except FileNotFoundError as error:
            raise UserError(f"{name} is not there; expected an audio file") from error
        except OSError as error:
            raise UserError(f"{name} could not be read: {error.strerror or error}") from error
        yield Recording(sound, name)


class Recording:
    """A recording that has been opened.

    format:  wav, flac, ogg, opus or mp3
    bits:    a sample, as far as it is more than 16; else 16
    samples: of each channel, as the header claims; None where it does not say
    """

    def __init__(self, sound: soundfile.SoundFile, name: str) -> None:
        self.name = name
        self.sample_rate = int(sound.samplerate)
        self.channels = int(sound.channels)
        self.bits = BITS.get(sound.subtype, 16)
        self.format = "opus" if sound.subtype == "OPUS" else FORMATS[sound.format]
        # libsndfile gives the largest number it has where a stream does not know its length.
        self.samples = int(sound.frames) if sound.frames < 1 << 62 else None
        self._sound = sound

    def blocks(
        self,
        start: float = 0.0,
        seconds: float | None = None,
        *,
        channel: int | None = None,
        max_seconds: float | None = None,
    ) -> Iterator[Waveform]:
        """The samples of a piece, block by block: [samples, channels]. For one pass.

        channel: that one alone; None gives all of them

        Raises UserError as `read` does; what is cut off or damaged is found at the end.
        """
        if channel is not None and not 0 <= channel < self.channels:
            has = f"it has {self.channels}, counted from 0"
            raise UserError(f"{self.name} has no channel {channel}; {has}")
        first, wanted = self._piece(start, seconds)
        if wanted is not None:
            self._check_duration(wanted, max_seconds)
        done = 0
        for block in self._decoded(first, wanted):
            if not np.isfinite(block).all():
                raise UserError(f"{self.name} holds samples that are not finite; mend it")
            done += len(block)
            self._check_duration(done, max_seconds)
            yield block if channel is None else block[:, channel : channel + 1]
        if not done:
            raise UserError(f"{self.name} holds no samples; expected sound")
        least = wanted or 0
        if self.samples is None:
            least -= round(OVERSHOOT_SECONDS * self.sample_rate)
        if done < least:
            there = f"{done} samples are there of {wanted}"
            raise UserError(f"{self.name} is cut off or damaged: {there}; get the whole file")

    def _decoded(self, first: int, wanted: int | None) -> Iterator[Waveform]:
        """Blocks of all channels as libsndfile gives them, until it gives none."""
        size, done = max(1, BLOCK // self.channels), 0
        try:
            if first:
                self._sound.seek(first)
            while wanted is None or done < wanted:
                left = size if wanted is None else min(size, wanted - done)
                block = self._sound.read(left, dtype="float32", always_2d=True)
                if not len(block):
                    return
                done += len(block)
                yield block
        except soundfile.LibsndfileError as error:
            reason = error.error_string.strip(" .")
            raise UserError(f"{self.name} is cut off or damaged: {reason}") from error

    def _piece(self, start: float, seconds: float | None) -> tuple[int, int | None]:
        """First sample and number of samples of a piece."""
        if not (math.isfinite(start) and start >= 0.0):
            raise UserError(f"{self.name}: a piece starts at {start} s; expected 0 or more")
        if seconds is not None and not (math.isfinite(seconds) and seconds > 0.0):
            raise UserError(f"{self.name}: a piece of {seconds} s; expected more than 0")
        first = round(start * self.sample_rate)
        wanted = None if seconds is None else round(seconds * self.sample_rate)
        if self.samples is None:
            return first, wanted
        there = max(0, self.samples - first)
        has = f"it has {self.samples / self.sample_rate:.3f} s"
        if first and not there:
            raise UserError(f"{self.name}: a piece starts at {start:.3f} s, but {has}")
        if wanted is not None and wanted > there + OVERSHOOT_SECONDS * self.sample_rate:
            end = start + (seconds or 0.0)
            raise UserError(f"{self.name}: a piece ends at {end:.3f} s, but {has}")
        return first, there if wanted is None else min(wanted, there)

    def _check_duration(self, samples: int, max_seconds: float | None) -> None:
        if max_seconds is not None and samples > max_seconds * self.sample_rate:
            raise UserError(
                f"{self.name} is longer than {max_seconds:g} s, the limit here; cut it in pieces"
            )


class Resampler:
    """One stream of mono samples to another rate, in pieces of any size.

    The pieces joined are the same samples whatever the sizes were, and there are exactly
    `resampled_length` of them.
    """

    def __init__(self, rate: int, sample_rate: int, speed: float = 1.0) -> None:
        up, down = _ratio(rate, sample_rate, speed)
        self._up, self._down = up, down
        self._stream: Any = None
        if up != down:
            self._stream = soxr.ResampleStream(down, up, 1, dtype="float32")
        self._taken = self._given = 0

    def feed(self, block: Waveform) -> Waveform:
        """What is certain once this block is heard: [samples] to [samples]."""
        self._taken += len(block)
        if self._stream is not None:
            block = self._stream.resample_chunk(np.ascontiguousarray(block))
        self._given += len(block)
        return block

    def finish(self) -> Waveform:
        """The rest."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        rest = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        missing = _rescaled(self._taken, self._up, self._down) - self._given
        return np.pad(rest[:missing], (0, max(0, missing - len(rest))))


Count = TypeVar("Count", int, NDArray[np.int64])


def resampled_length(samples: Count, rate: int, sample_rate: int, speed: float = 1.0) -> Count:
    """Samples that `read` gives for so many at `rate` hertz: samples * sample_rate / rate / speed.

    Rounded to the nearest, halves up. Integers only, one or an array of them.
    """
    return _rescaled(samples, *_ratio(rate, sample_rate, speed))


def _rescaled(samples: Count, up: int, down: int) -> Count:
    return (2 * samples * up + down) // (2 * down)


def _ratio(rate: int, sample_rate: int, speed: float) -> tuple[int, int]:
    """Output samples for input samples, in lowest terms."""
    if not 0.1 <= speed <= 10.0:
        raise UserError(f"speed is {speed}; expected 0.1 to 10")
    ratio = Fraction(int(sample_rate), int(rate)) / Fraction(float(speed)).limit_denominator(1000)
    return ratio.numerator, ratio.denominator


def mono(block: Waveform) -> Waveform:
    """The mean of the channels: [samples, channels] to [samples]."""
    if block.shape[1] == 1:
        return block[:, 0]
    mean: Waveform = block.mean(axis=1, dtype=np.float32)
    return mean


def checked_waveform(samples: np.ndarray[Any, Any]) -> Waveform:
    """A copy of the samples in float32. Raises UserError where they are no waveform."""
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise UserError(
            f"the array is {samples.dtype} {list(samples.shape)}; "
            "expected floating point [samples] in [-1, 1]"
        )
    if not np.isfinite(samples).all():
        raise UserError("the array holds NaN or infinity; expected samples in [-1, 1]")
    return np.array(samples, dtype=np.float32)


def checked_rate(sample_rate: int) -> int:
    """The sample rate. Raises UserError where no sound has such a one."""
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise UserError(
            f"sample_rate is {sample_rate}; expected {LOWEST_RATE} to {HIGHEST_RATE} hertz"
        )
    return sample_rate


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """Reads straight on: SoundFile seeks after every read, which a stream of unknown length
    refuses and which changes an MP3's last bits."""

    def seekable(self) -> bool:
        return False


def _bytes(source: Path | bytes) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _decoder(file: BinaryIO, name: str) -> soundfile.SoundFile:
    try:
        sound = _Forward(file)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{name} is not audio: expected wav, flac, ogg, opus or mp3") from error
    problem = ""
    if sound.format not in FORMATS:
        problem = f"is {sound.format} audio; expected wav, flac, ogg, opus or mp3"
    elif not LOWEST_RATE <= sound.samplerate <= HIGHEST_RATE:
        rates = f"expected {LOWEST_RATE} to {HIGHEST_RATE}"
        problem = f"claims a sample rate of {sound.samplerate} Hz; {rates}"
    if problem:
        sound.close()
        raise UserError(f"{name} {problem}")
    return sound
