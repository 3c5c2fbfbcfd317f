"""The network over a prepared split: log-probabilities, in batches of similar length."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ds2kit import model_folder
from ds2kit.data.batches import Batch, Loader, Selection, evaluation_steps
from ds2kit.data.index import Index
from ds2kit.decoding.settings import digest
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.settings import Config, Data


@dataclass(frozen=True, eq=False)
class Heard:
    """What the network makes of an utterance: all that a decoder needs.

    seconds:       of the recording
    frame_seconds: from one frame to the next
    log_probs:     [frames, vocabulary] natural logarithms, float32
    """

    key: str
    seconds: float
    frame_seconds: float
    log_probs: NDArray[np.float32]


Hearing = Generator[list[Heard], None, None]
"""Utterances in batches, the longest first. Close it where it is not taken to its end."""


class Network:
    """The network of a model folder, for a split; it is loaded when it is first asked.

    digests: of what log-probabilities depend on, the model and the index
    """

    def __init__(self, folder: Path, toolkit: Toolkit, config: Config, index: Index) -> None:
        self.folder, self.toolkit, self.config, self.index = folder, toolkit, config, index
        tokenizer = folder / model_folder.TOKENIZER
        self.tokenizer = model_folder.load_tokenizer(tokenizer, config, toolkit)
        self.digests = {
            "model_digest": digest(folder / model_folder.WEIGHTS),
            "index_digest": index.digest,
        }

    def hear(self, rows: NDArray[np.int64]) -> Hearing:
        """The utterances at such places of the index.

        Raises UserError where the model is damaged, or speech cannot be read.
        """
        model, _ = model_folder.load(self.folder, self.toolkit)
        yield from run(model, self.index, rows, self.config.data)


def run(model: AcousticModel, index: Index, rows: NDArray[np.int64], data: Data) -> Hearing:
    """Run a model on the utterances at such places of an index.

    Raises UserError for speech that cannot be read.
    """
    steps = evaluation_steps(
        Selection((index,), (rows,)),
        model.tokenizer,
        sample_rate=model.sample_rate,
        seconds_per_step=data.seconds_per_step,
    )
    # Closed, the loader's workers have ended before what interrupts this is told of.
    with closing(iter(Loader(steps, workers=data.workers))) as batches:
        for batch in batches:
            yield run_batch(model, batch)


def run_batch(model: AcousticModel, batch: Batch) -> list[Heard]:
    """The utterances of a batch, in its order."""
    like = next(model.parameters())
    samples = batch.waveforms.lengths.tolist()
    batch = batch.to(like.device, like.dtype)
    with torch.inference_mode():
        log_probs = model(batch.waveforms)
    values = log_probs.values.to("cpu", torch.float32).numpy()
    return [
        Heard(key, count / model.sample_rate, model.frame_seconds, row[:frames])
        for key, count, row, frames in zip(
            batch.keys, samples, values, log_probs.lengths.tolist(), strict=True
        )
    ]
