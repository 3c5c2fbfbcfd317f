"""Prepared speech for training and for dev: what is read, in which order, by which rank."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import lightning.pytorch as pl
import numpy as np
from torch import Tensor

from ds2kit.components import Tokenizer, WaveformAugmentation
from ds2kit.data.batches import Loader, Selection, Steps, evaluation_steps
from ds2kit.data.checks import Report, check_training
from ds2kit.data.index import Index
from ds2kit.data.plan import EpochPlan, plan
from ds2kit.settings import Config
from ds2kit.training.progress import Progress
from ds2kit.types import Padded

LEARNED_FROM = 2000
"""Utterances from which a frontend learns its statistics: spread evenly over the durations."""


class Speech:
    """The indexes that a config names, and what of the training splits can be learned from."""

    def __init__(self, config: Config) -> None:
        corpus = config.speech
        self.config = config
        self.train = tuple(Index.load(corpus.data / split) for split in corpus.weights)
        self.weights = tuple(corpus.weights.values())
        self.dev = Index.load(corpus.data / corpus.dev)
        self.reports: tuple[Report, ...] = ()

    @property
    def texts(self) -> Iterator[str]:
        """The transcripts of the training splits."""
        return (text for index in self.train for text in index.texts)

    @property
    def digests(self) -> list[str]:
        """Of the indexes: what a resumed training must find again."""
        return [index.digest for index in (*self.train, self.dev)]

    def check(self, tokenizer: Tokenizer, output_lengths: Callable[[Tensor], Tensor]) -> None:
        """Find what cannot be learned from. Raises UserError where the config refuses it."""
        data = self.config.data
        self.reports = tuple(
            check_training(
                index,
                tokenizer,
                output_lengths,
                sample_rate=data.sample_rate,
                speeds=self.config.augment.speed,
                seconds_per_step=data.seconds_per_step,
                min_seconds=data.min_seconds,
                max_seconds=data.max_seconds,
                on_bad=data.on_bad,
            )
            for index in self.train
        )

    @property
    def selection(self) -> Selection:
        """The training utterances that passed the check."""
        return Selection(self.train, tuple(report.kept for report in self.reports))

    def plan(self, epoch: int) -> EpochPlan:
        """The steps of an epoch: the same for the same config and indexes, whoever asks."""
        data = self.config.data
        return plan(
            self.selection.seconds,
            weights=self.weights,
            seed=self.config.seed,
            epoch=epoch,
            seconds_per_step=data.seconds_per_step,
            speeds=self.config.augment.speed,
            sorta_grad=data.sorta_grad,
        )

    def sample(self, tokenizer: Tokenizer) -> Iterator[Padded]:
        """Waveforms to learn statistics from, as they are in the shards."""
        rows = tuple(
            kept[np.unique(np.linspace(0, len(kept) - 1, LEARNED_FROM).round().astype(np.int64))]
            for kept in (report.kept for report in self.reports)
        )
        data = self.config.data
        steps = evaluation_steps(
            Selection(self.train, rows),
            tokenizer,
            sample_rate=data.sample_rate,
            seconds_per_step=data.seconds_per_step,
        )
        return (batch.waveforms for batch in Loader(steps, workers=data.workers))


class SpeechModule(pl.LightningDataModule):
    """The batches of the epoch that comes next, from the place that was reached."""

    def __init__(
        self,
        speech: Speech,
        tokenizer: Tokenizer,
        augmentations: list[WaveformAugmentation],
        progress: Progress,
    ) -> None:
        super().__init__()
        self.speech = speech
        self.tokenizer = tokenizer
        self.augmentations = augmentations
        self.progress = progress

    def train_dataloader(self) -> Loader:
        assert self.trainer is not None
        config = self.speech.config
        epoch_plan = self.speech.plan(self.progress.epoch)
        self.progress.steps = len(epoch_plan)
        steps = Steps(
            self.speech.selection,
            epoch_plan,
            self.tokenizer,
            sample_rate=config.data.sample_rate,
            seed=config.seed,
            augmentations=self.augmentations,
            rank=self.trainer.global_rank,
            ranks=self.trainer.world_size,
            reads_per_batch=config.data.reads_per_batch,
        )
        return Loader(steps, workers=config.data.workers, position=self.progress.step)
