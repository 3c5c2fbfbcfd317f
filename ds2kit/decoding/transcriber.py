"""A trained model as one object: audio in, text out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ds2kit import model as models
from ds2kit.audio.read import HIGHEST_RATE, LOWEST_RATE, Resampler, read
from ds2kit.components import Decoder
from ds2kit.decoding.words import TimedWord, timed
from ds2kit.errors import UserError
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.types import Hypothesis, Padded

MAX_SECONDS = 120.0
"""Longer recordings are refused: memory grows with them, and the model never saw such."""


@dataclass(frozen=True)
class Transcript:
    """What was said in a recording of so many seconds. `print` shows the text.

    words: with times in seconds and the model's confidence, in [0, 1]
    score: natural logarithm, the decoder's
    """

    text: str
    seconds: float
    words: tuple[TimedWord, ...]
    score: float

    def __str__(self) -> str:
        return self.text


class Transcriber:
    """A model and a decoder. `ds2kit.load(folder)` makes one."""

    def __init__(self, model: AcousticModel, decoder: Decoder) -> None:
        self.model = model.eval()
        self.decoder = decoder

    def transcribe(
        self,
        source: str | Path | np.ndarray,
        *,
        sample_rate: int | None = None,
        max_seconds: float = MAX_SECONDS,
    ) -> Transcript:
        """The text of a file, or of an array [samples] in [-1, 1].

        sample_rate: hertz of an array; None: the model's own. A file says its own
        Raises UserError where the audio is missing, damaged, or longer than `max_seconds`.
        """
        waveform = self._waveform(source, sample_rate, max_seconds)
        hypothesis = self.decode(torch.from_numpy(waveform)[None])[0]
        seconds = len(waveform) / self.model.sample_rate
        words = timed(hypothesis, self.model.frame_seconds, seconds)
        return Transcript(hypothesis.text, seconds, words, hypothesis.score)

    def decode(self, waveforms: torch.Tensor) -> list[Hypothesis]:
        """The best hypothesis of each of [batch, samples] waveforms of one length."""
        like = next(self.model.parameters())
        lengths = torch.full((len(waveforms),), waveforms.shape[1], device=like.device)
        with torch.inference_mode():
            log_probs = self.model(Padded(waveforms.to(like), lengths))
        return [best[0] for best in self.decoder.decode(log_probs)]

    def _waveform(
        self, source: str | Path | np.ndarray, sample_rate: int | None, max_seconds: float
    ) -> np.ndarray[Any, Any]:
        wanted = self.model.sample_rate
        rate = wanted if sample_rate is None else sample_rate
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise UserError(
                f"sample_rate is {rate}; expected {LOWEST_RATE} to {HIGHEST_RATE} hertz"
            )
        if not isinstance(source, np.ndarray):
            if sample_rate is not None:
                raise UserError(f"{source} says its own sample rate; leave sample_rate out")
            return read(Path(source), wanted, max_seconds=max_seconds)
        if source.ndim != 1 or not np.issubdtype(source.dtype, np.floating):
            raise UserError(
                f"the array is {source.dtype} {list(source.shape)}; "
                "expected floating point [samples] in [-1, 1]"
            )
        if not np.isfinite(source).all():
            raise UserError("the array holds NaN or infinity; expected samples in [-1, 1]")
        if len(source) > max_seconds * rate:
            raise UserError(
                f"the array is {len(source) / rate:.1f} s long; expected at most {max_seconds:g} s"
            )
        resampler = Resampler(rate, wanted)
        heard = resampler.feed(np.ascontiguousarray(source, dtype=np.float32))
        return np.concatenate([heard, resampler.finish()])


def load(folder: Path, toolkit: Toolkit) -> Transcriber:
    """The transcriber of a model folder, with the decoder that the folder names."""
    model, config = models.load(folder, toolkit)
    return Transcriber(model, toolkit.make(config.decoder, model.tokenizer))
