"""Speech as it arrives: samples in, words out as they become final."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ds2kit.audio.read import Resampler, checked_waveform, resampled_length
from ds2kit.components import StreamingDecoder
from ds2kit.decoding.words import Partial, TimedWord, Transcript, cut, timed
from ds2kit.errors import UserError
from ds2kit.model import AcousticModel
from ds2kit.streaming import LogProbStream

CHUNK_SECONDS = 0.1
"""The sound that the model hears at once: less costs more calls a second, more costs latency."""


class Stream:
    """One stream of speech, of any length, in bounded memory. `Transcriber.stream` begins it."""

    def __init__(self, model: AcousticModel, decoder: StreamingDecoder, sample_rate: int) -> None:
        self._model, self._rate = model, sample_rate
        self._log_probs = LogProbStream(model, CHUNK_SECONDS)
        self._resampler = Resampler(sample_rate, model.sample_rate)
        self._decoder, self._said = decoder, decoder.begin()
        self._heard, self._open = 0, True
        # Of what was given: how many words, how many characters of them, and their text.
        self._given, self._letters, self._final = 0, 0, ""

    @property
    def seconds(self) -> float:
        """How much has been heard so far."""
        return self._heard / self._rate

    @property
    def final(self) -> str:
        """The text of the words that `feed` gave."""
        return self._final

    def feed(self, samples: np.ndarray[Any, Any]) -> tuple[TimedWord, ...]:
        """The next [samples] in [-1, 1], of any number; the words that became final with them.

        Raises UserError where it is no waveform, or the stream has been finished.
        """
        self._check_open()
        waveform = checked_waveform(samples)
        self._heard += len(waveform)
        log_probs = self._log_probs.feed(torch.from_numpy(self._resampler.feed(waveform)))
        words = self._decoder.advance(self._said, log_probs)
        for word in words:
            self._final += f" {word.text}" if word.space_before and self._final else word.text
            self._letters += len(word.text)
        self._given += len(words)
        return timed(words, self._model.frame_seconds)

    def partial(self) -> Partial:
        """What has been heard so far, and how much of it is final.

        It looks at the whole text, so asking often costs time in streams of many hours.
        Raises UserError, with the reason, where the decoder gives nothing before it is final, or
        the stream has been finished.
        """
        self._check_open()
        hypothesis = self._decoder.partial(self._said)
        final, _ = cut(hypothesis.text, self._letters)
        rest = timed(hypothesis.words[self._given :], self._model.frame_seconds)
        return Partial(hypothesis.text, final, rest)

    def finish(self) -> Transcript:
        """Nothing follows: the whole, as `transcribe` gives it, with the words given before.

        Raises UserError where the stream has been finished already.
        """
        self._check_open()
        self._open = False
        rest = torch.from_numpy(self._resampler.finish())
        for log_probs in (self._log_probs.feed(rest), self._log_probs.finish()):
            self._decoder.advance(self._said, log_probs)
        samples = resampled_length(self._heard, self._rate, self._model.sample_rate)
        hypothesis = self._decoder.finish(self._said)
        seconds = samples / self._model.sample_rate
        return Transcript.of(hypothesis, self._model.frame_seconds, seconds)

    def _check_open(self) -> None:
        if not self._open:
            raise UserError("the stream was finished already; begin another with stream()")
