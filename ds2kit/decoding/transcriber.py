"""A trained model as one object: audio in, text out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from ds2kit import model_folder
from ds2kit.audio.read import Resampler, checked_rate, checked_waveform, read
from ds2kit.components import Decoder, StreamingDecoder
from ds2kit.decoding.stream import Stream
from ds2kit.decoding.words import Transcript
from ds2kit.errors import UserError
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.types import Hypothesis, Padded

MAX_SECONDS = 120.0
"""Longer recordings are refused: memory grows with them, and the model never saw such."""


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
        return Transcript.of(hypothesis, self.model.frame_seconds, seconds)

    def stream(self, sample_rate: int | None = None) -> Stream:
        """A stream of speech that begins now: feed it samples, and it gives words.

        sample_rate: hertz of the samples; None: the model's own
        Raises UserError, with the reason, where the model or the decoder cannot stream.
        """
        if not isinstance(self.decoder, StreamingDecoder):
            raise UserError(
                f"the decoder {type(self.decoder).__name__} cannot work through speech as it "
                "arrives; transcribe whole recordings, or choose one that can, such as greedy"
            )
        rate = checked_rate(self.model.sample_rate if sample_rate is None else sample_rate)
        return Stream(self.model, self.decoder, rate)

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
        rate = checked_rate(wanted if sample_rate is None else sample_rate)
        if not isinstance(source, np.ndarray):
            if sample_rate is not None:
                raise UserError(f"{source} says its own sample rate; leave sample_rate out")
            return read(Path(source), wanted, max_seconds=max_seconds)
        waveform = checked_waveform(source)
        if len(waveform) > max_seconds * rate:
            raise UserError(
                f"the array is {len(waveform) / rate:.1f} s long; "
                f"expected at most {max_seconds:g} s"
            )
        resampler = Resampler(rate, wanted)
        return np.concatenate([resampler.feed(waveform), resampler.finish()])


def load(folder: Path, toolkit: Toolkit) -> Transcriber:
    """The transcriber of a model folder, with the decoder that the folder names."""
    model, config = model_folder.load(folder, toolkit)
    return Transcriber(model, toolkit.make(config.decoder, model.tokenizer))
