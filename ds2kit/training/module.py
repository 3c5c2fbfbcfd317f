"""One step of training: a model, a loss and an optimiser. Everything else is a callback."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from ds2kit.components import FeatureAugmentation
from ds2kit.data.batches import Batch, generator
from ds2kit.model import AcousticModel
from ds2kit.settings import Config, Optimizer
from ds2kit.training.data import Failed
from ds2kit.training.loss import ctc_losses
from ds2kit.training.progress import Progress, StepRecord
from ds2kit.training.ranks import gathered, raise_together
from ds2kit.training.schedule import learning_rate
from ds2kit.types import Padded

MAX_NORM = {"nesterov": 400.0, "adamw": 10.0}
"""The paper scales gradients above 400; Adam, whose steps do not grow with them, needs less."""


class Training(pl.LightningModule):
    """Takes the steps of the plan, skips those that are not finite, and records each."""

    def __init__(
        self,
        model: AcousticModel,
        config: Config,
        augmentations: Sequence[FeatureAugmentation],
        progress: Progress,
    ) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.augmentations = tuple(augmentations)
        self.progress = progress
        self.record: StepRecord | None = None
        self.stop_requested = False
        self._kept_buffers: list[Tensor] = []
        self._started = time.monotonic()
        self._ended = self._started
        self._now: dict[str, Any] = {}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return make_optimizer(self.model, self.config.optimizer)

    def on_train_epoch_start(self) -> None:
        # The evaluation and the checkpoint at an epoch's end are no part of a step.
        self._ended = time.monotonic()

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        dtype = next(self.model.parameters()).dtype
        return batch.to(device, dtype)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        # What a layer with dropout draws depends on the place in the plan, not on what ran before.
        place = (self.config.seed, batch.epoch, batch.step, self.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))
        self._kept_buffers = [buffer.clone() for buffer in self.model.buffers()]
        self._started = time.monotonic()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        frames = self._augmented(self.model.frontend(batch.waveforms), batch)
        log_probs = self.model.classify(frames)
        losses, aligned = ctc_losses(log_probs, batch.tokens)
        total = losses.sum()
        left_out = [
            key for key, fits in zip(batch.keys, aligned.tolist(), strict=False) if not fits
        ]
        self._now = {"batch": batch, "total": total.detach(), "unalignable": tuple(left_out)}
        # DDP takes the mean over the ranks; this makes it the sum over the step's utterances.
        return total * self.trainer.world_size / batch.count

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        settings = self.config.optimizer
        limit = settings.max_norm or MAX_NORM[settings.name]
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        self._over_ranks(norm)
        if self._now["bad"]:
            # Without gradients no optimiser changes anything, and batch statistics go back.
            optimizer.zero_grad(set_to_none=True)
            for buffer, kept in zip(self.model.buffers(), self._kept_buffers, strict=True):
                buffer.copy_(kept)
        elif float(norm) > limit:
            torch.nn.utils.clip_grads_with_norm_(self.model.parameters(), limit, norm)

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: Any,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        progress, config = self.progress, self.config
        rate = learning_rate(
            config.schedule, config.optimizer.learning_rate, progress.done, progress.epoch
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        self._advance(rate)

    def _augmented(self, frames: Padded, batch: Batch) -> Padded:
        if not self.augmentations or not batch.keys:
            return frames
        values = frames.cleared().values.clone()
        for i, (seed, length) in enumerate(zip(batch.draws, frames.lengths.tolist(), strict=True)):
            draw = generator(seed, "features")
            for augmentation in self.augmentations:
                values[i, :length] = augmentation(values[i, :length], draw)
        return Padded(values, frames.lengths)

    def _over_ranks(self, norm: Tensor) -> None:
        """Agree with the other ranks on the loss, on what is wrong, and on whether to stop."""
        now, batch = self._now, self._now["batch"]
        total = now["total"].double()
        bad = float(not (torch.isfinite(norm) and torch.isfinite(total)))
        left_out = float(len(now["unalignable"]))
        error = batch.error if isinstance(batch, Failed) else ""
        told = [bad, left_out, batch.seconds, float(self.stop_requested), float(bool(error))]
        sums = torch.tensor([float(total), *told], dtype=torch.float64, device=norm.device)
        ranks = self.trainer.world_size
        if ranks > 1:
            dist.all_reduce(sums)
        loss, bad, left_out, audio, stop, failed = sums.tolist()
        if failed:
            raise_together(error, ranks)
        self.stop_requested = stop > 0
        now |= {"loss": loss / batch.count, "norm": float(norm), "audio": audio, "bad": bad > 0}
        now["skipped"] = gathered(batch.keys, ranks) if bad else ()
        now["unalignable"] = gathered(now["unalignable"], ranks) if left_out else ()

    def _advance(self, rate: float) -> None:
        progress, now = self.progress, self._now
        batch: Batch = now["batch"]
        if now["bad"]:
            progress.skipped += 1
        else:
            progress.updates += 1
            progress.done += 1 / (progress.steps * self.config.trainer.epochs)
            progress.epoch_loss += now["loss"]
            progress.epoch_updates += 1
        ended = time.monotonic()
        self.record = StepRecord(
            epoch=batch.epoch,
            step=batch.step,
            update=progress.updates,
            loss=now["loss"],
            learning_rate=rate,
            gradient_norm=now["norm"],
            utterances=batch.count,
            audio_seconds=now["audio"],
            seconds=ended - self._ended,
            waited=self._started - self._ended,
            unalignable=now["unalignable"],
            skipped=now["skipped"],
        )
        self._ended = ended
        progress.epoch_audio += self.record.audio_seconds
        progress.epoch_seconds += self.record.seconds
        progress.step += 1


def make_optimizer(model: torch.nn.Module, settings: Optimizer) -> torch.optim.Optimizer:
    """The optimiser of a model. Biases and normalisation gains do not decay."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    if settings.name == "nesterov":
        return torch.optim.SGD(
            groups, lr=settings.learning_rate, momentum=settings.momentum, nesterov=True
        )
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))
