"""Synthesised sound that is like speech: for tests that need no corpus."""

from __future__ import annotations

import numpy as np


def speech(samples: int, sample_rate: int, *, seed: int = 0) -> np.ndarray:
    """[samples] float32 within [-1, 1]: syllables of a voice whose pitch and vowels wander.

    Harmonics of a gliding pitch under two formants, hissing consonants between them, and pauses.
    It says nothing; it has the level, the spectrum and the silences of speech.
    """
    generator = np.random.default_rng(seed)
    time = np.arange(samples) / sample_rate
    voice = _voice(time, sample_rate, generator)
    hiss = np.diff(generator.standard_normal(samples + 1)) * 0.1
    # About four syllables a second, each a vowel after a consonant; below the floor it is a pause.
    syllable = np.sin(2 * np.pi * 4 * time + generator.uniform(0, 2 * np.pi))
    sound = np.clip(syllable, 0, None) * voice + np.clip(-syllable - 0.5, 0, None) * hiss
    loudest = np.abs(sound).max(initial=1e-9)
    scaled: np.ndarray = (0.5 * sound / loudest).astype(np.float32)
    return scaled


def _voice(time: np.ndarray, sample_rate: int, generator: np.random.Generator) -> np.ndarray:
    """Harmonics of a pitch between 90 and 250 hertz, weighted by two moving formants."""
    pitch = generator.uniform(110, 220) * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    first = 500 + 250 * np.sin(2 * np.pi * 1.3 * time + generator.uniform(0, 6))
    second = 1500 + 600 * np.sin(2 * np.pi * 1.9 * time + generator.uniform(0, 6))
    voice: np.ndarray = np.zeros_like(time)
    for harmonic in range(1, 25):
        hertz = harmonic * pitch
        weight = np.exp(-(((hertz - first) / 200) ** 2))
        weight += 0.5 * np.exp(-(((hertz - second) / 300) ** 2)) + 0.02
        below_nyquist = hertz < sample_rate / 2
        voice += below_nyquist * weight * np.sin(harmonic * phase)
    return voice
