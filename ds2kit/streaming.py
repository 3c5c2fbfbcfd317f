"""Sound as it arrives to log-probabilities as they are certain."""

from __future__ import annotations

import torch
from torch import Tensor

from ds2kit.model import AcousticModel
from ds2kit.types import Chunk


class LogProbStream:
    """One stream through a model: takes samples of any number, and steps with constant chunks.

    Joined, what it gives is what `forward` gives for all samples at once. Raises UserError, with
    the reason, where the model cannot stream.

    chunk_seconds: of sound for each step of the model, rounded to whole ones
    """

    def __init__(self, model: AcousticModel, chunk_seconds: float) -> None:
        self._model = model
        self._state = model.initial_state(1)
        step = model.samples_per_step
        self._chunk = max(1, round(chunk_seconds * model.sample_rate / step)) * step
        self._waiting = Chunk.void(model, 1, model.lead)

    @torch.inference_mode()
    def feed(self, samples: Tensor) -> Tensor:
        """The next [samples] in [-1, 1] to what became certain: [frames, vocabulary]."""
        values = samples.to(self._waiting.values)[None]
        self._waiting = self._waiting.then(Chunk(values, torch.ones_like(values, dtype=torch.bool)))
        return self._certain()

    @torch.inference_mode()
    def finish(self) -> Tensor:
        """The rest: [frames, vocabulary]."""
        missing = -self._waiting.valid.shape[1] % self._chunk
        self._waiting = self._waiting.then(Chunk.void(self._model, 1, missing))
        rest = self._certain()
        last = self._model.finish(self._state, 1)
        return torch.cat([rest, last.values[last.valid]])

    def _certain(self) -> Tensor:
        """Hear the chunks that are whole: [frames, vocabulary]."""
        heard = [self._waiting.values.new_zeros(0, self._model.tokenizer.size)]
        while self._waiting.valid.shape[1] >= self._chunk:
            chunk, self._waiting = self._waiting.cut(self._chunk)
            out, self._state = self._model.step(chunk, self._state)
            heard.append(out.values[out.valid])
        return torch.cat(heard)
