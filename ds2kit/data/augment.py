"""Augmentation of training speech: gain, noise, and masks over time and frequency.

Each draws from the generator it is given and from nothing else, so what an utterance sounds like
in an epoch does not depend on workers, ranks or where a run was resumed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ds2kit.audio.read import opened, read, resampled_length
from ds2kit.components import FeatureAugmentation, WaveformAugmentation
from ds2kit.errors import UserError

AUDIO_ENDINGS = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3"})

SILENCE = 1e-12
"""Mean square below which a signal is silence (-120 dB of full scale): no ratio to it is sought."""


class Gain(WaveformAugmentation):
    """Louder or softer by a factor drawn evenly in decibels. Nothing is clipped."""

    def __init__(self, sample_rate: int, *, low_db: float = -6.0, high_db: float = 6.0) -> None:
        _refuse_unordered("gain", "low_db", low_db, "high_db", high_db)
        self.low_db, self.high_db = low_db, high_db

    def __call__(
        self, waveform: NDArray[np.float32], generator: np.random.Generator
    ) -> NDArray[np.float32]:
        factor = 10 ** (generator.uniform(self.low_db, self.high_db) / 20)
        return waveform * np.float32(factor)


class Noise(WaveformAugmentation):
    """Noise under a share of the utterances, at a ratio drawn evenly in decibels.

    The ratio is that of mean squares over the whole utterance. Without a folder the noise is made:
    its power falls with frequency as 1 / f^e, with e drawn from 0 (white) to 2 (brown). With one,
    it is a stretch of one of the folder's recordings, again and again where that is too short.
    Silence, of speech or of noise, stays as it is.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        share: float = 0.4,
        low_snr_db: float = 5.0,
        high_snr_db: float = 25.0,
        folder: Path | None = None,
    ) -> None:
        if not 0 <= share <= 1:
            raise UserError(f"noise: share is {share:g}; it takes a number from 0 to 1")
        _refuse_unordered("noise", "low_snr_db", low_snr_db, "high_snr_db", high_snr_db)
        self.sample_rate, self.share = sample_rate, share
        self.low_snr_db, self.high_snr_db = low_snr_db, high_snr_db
        self.recordings = None if folder is None else Recordings(folder, sample_rate)

    def __call__(
        self, waveform: NDArray[np.float32], generator: np.random.Generator
    ) -> NDArray[np.float32]:
        if generator.random() >= self.share:
            return waveform
        ratio = 10 ** (generator.uniform(self.low_snr_db, self.high_snr_db) / 10)
        speech_power = _power(waveform)
        if speech_power < SILENCE:
            return waveform
        noise = self._noise(len(waveform), generator)
        noise_power = _power(noise)
        if noise_power < SILENCE:
            return waveform
        factor = np.sqrt(speech_power / (ratio * noise_power))
        noisy: NDArray[np.float32] = waveform + (factor * noise).astype(np.float32)
        return noisy

    def _noise(self, samples: int, generator: np.random.Generator) -> NDArray[np.floating]:
        if self.recordings is None:
            return coloured_noise(samples, self.sample_rate, generator)
        return self.recordings.stretch(samples, generator)


class Recordings:
    """The recordings of a folder and of those within it, as an endless supply of noise."""

    def __init__(self, folder: Path, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.files = sorted(
            path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_ENDINGS
        )
        self._lengths: dict[Path, int] = {}
        if not self.files:
            endings = ", ".join(sorted(AUDIO_ENDINGS))
            raise UserError(f"noise: {folder} holds no recordings; they must end in {endings}")

    def stretch(self, samples: int, generator: np.random.Generator) -> NDArray[np.float32]:
        """[samples] of one recording from a drawn place on."""
        file = self.files[int(generator.integers(len(self.files)))]
        place = generator.random()
        length = self._length(file)
        if length <= samples:
            whole = read(file, self.sample_rate)
            return np.resize(np.roll(whole, int(place * len(whole))), samples)
        start = place * (length - samples) / self.sample_rate
        # One sample more than is needed: a resampled stretch may be one short.
        part = read(file, self.sample_rate, start=start, seconds=(samples + 1) / self.sample_rate)
        return np.resize(part, samples)

    def _length(self, file: Path) -> int:
        if file not in self._lengths:
            with opened(file) as found:
                samples, rate = found.samples, found.sample_rate
            # A stream that does not say how long it is has to be decoded once.
            self._lengths[file] = (
                len(read(file, self.sample_rate))
                if samples is None
                else resampled_length(samples, rate, self.sample_rate)
            )
        return self._lengths[file]


def coloured_noise(
    samples: int, sample_rate: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """[samples] whose power falls as 1 / f^e above 20 Hz, e drawn from 0 to 2."""
    exponent = generator.uniform(0.0, 2.0)
    # A power of two, of which the first part is kept: other lengths can be slow to transform.
    length = 1 << max(samples - 1, 1).bit_length()
    bins = length // 2 + 1
    spectrum = generator.standard_normal(bins) + 1j * generator.standard_normal(bins)
    hertz = np.maximum(np.arange(bins) * sample_rate / length, 20.0)
    return np.fft.irfft(spectrum * hertz ** (-exponent / 2), length)[:samples]


class SpecAugment(FeatureAugmentation):
    """Masks over stretches of time and bands of frequency (Park et al., 2019).

    A mask's width is drawn from 0 to `time_width` frames or `frequency_width` features, and at
    most `time_share` of the utterance or half of the features. Masked is zero, which is the mean
    of normalised features.
    """

    def __init__(
        self,
        features: int,
        *,
        time_masks: int = 2,
        time_width: int = 40,
        time_share: float = 0.15,
        frequency_masks: int = 2,
        frequency_width: int = 20,
    ) -> None:
        if not 0 <= time_share <= 1:
            raise UserError(
                f"spec_augment: time_share is {time_share:g}; it takes a number from 0 to 1"
            )
        self.time_masks, self.time_width, self.time_share = time_masks, time_width, time_share
        self.frequency_masks = frequency_masks
        self.frequency_width = min(frequency_width, features // 2)

    def __call__(self, frames: Tensor, generator: np.random.Generator) -> Tensor:
        time, features = frames.shape
        masked = frames.clone()
        widest = min(self.time_width, int(self.time_share * time))
        for _ in range(self.time_masks):
            begin, end = _stretch(time, widest, generator)
            masked[begin:end] = 0.0
        for _ in range(self.frequency_masks):
            begin, end = _stretch(features, self.frequency_width, generator)
            masked[:, begin:end] = 0.0
        return masked


def _stretch(length: int, widest: int, generator: np.random.Generator) -> tuple[int, int]:
    width = int(generator.integers(widest + 1))
    begin = int(generator.integers(length - width + 1))
    return begin, begin + width


def _power(waveform: NDArray[np.floating]) -> float:
    if len(waveform) == 0:
        return 0.0
    return float(np.mean(np.square(waveform, dtype=np.float64)))


def _refuse_unordered(name: str, low_name: str, low: float, high_name: str, high: float) -> None:
    if not low <= high:
        raise UserError(f"{name}: {low_name} is {low:g} and {high_name} {high:g}; low comes first")
