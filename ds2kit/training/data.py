"""Prepared speech for training and for dev: what is read, in which order, by which rank."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor

from ds2kit.components import Tokenizer, WaveformAugmentation
from ds2kit.data.batches import Batch, Loader, Selection, Steps, evaluation_steps
from ds2kit.data.checks import Report, check_training
from ds2kit.data.index import Index
from ds2kit.data.plan import EpochPlan, plan
from ds2kit.errors import UserError
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

    def train_dataloader(self) -> Loader | JointLoader:
        assert self.trainer is not None
        config = self.speech.config
        epoch_plan = self.speech.plan(self.progress.epoch)
        if not len(epoch_plan):
            raise UserError(
                f"no utterance is drawn in epoch {self.progress.epoch + 1}; "
                "raise the weights in corpus.train"
            )
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
        position = self.progress.step
        loader = Loader(steps, workers=config.data.workers, position=position)
        return loader if steps.ranks == 1 else JointLoader(loader, steps, position)


@dataclass(frozen=True, eq=False)
class Failed(Batch):
    """An empty share in the place of one that could not be made, and why."""

    error: str = ""


class JointLoader:
    """The batches of one rank of several; an error is a batch, and the last.

    A rank that raised would leave the others waiting: so it takes part in the step, and in it all
    learn of the error.
    """

    def __init__(self, loader: Loader, steps: Steps, position: int) -> None:
        self._loader, self._steps, self._position = loader, steps, position

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Batch]:
        place = self._position
        try:
            for batch in self._loader:
                yield batch
                place += 1
        except UserError as error:
            yield self._failed(place, str(error))

    def _failed(self, place: int, error: str) -> Failed:
        none = torch.zeros(1, dtype=torch.int64)
        silence = Padded(torch.zeros(1, self._steps.sample_rate), none)
        nothing = Padded(torch.zeros(1, 0, dtype=torch.int64), none)
        plan = self._steps.plan
        count = len(plan.step(place))
        return Failed((), silence, nothing, (), count, plan.epoch, place, 0.0, (), error)
