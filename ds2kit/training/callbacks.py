"""What happens around the steps: dev, checkpoints, the log, curves, and being interrupted."""

from __future__ import annotations

import json
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from types import FrameType
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import TQDMProgressBar

from ds2kit import model_folder
from ds2kit.components import Decoder
from ds2kit.errors import UserError
from ds2kit.training import checkpoint
from ds2kit.training.card import card
from ds2kit.training.data import Speech
from ds2kit.training.epochs import Epochs
from ds2kit.training.evaluation import Evaluation, evaluate
from ds2kit.training.experiment import Experiment
from ds2kit.training.module import Training
from ds2kit.training.progress import StepRecord


class Stopped(Exception):
    """The training was asked to stop, and everything is on the disk."""


class Interrupts(pl.Callback):
    """Ctrl-C, or SIGTERM of a scheduler: the step is finished and saved; a second one ends at once.

    All ranks stop after the same step: the module passes the request on. Until the first step
    there is nothing to save, and a signal does what it always does.
    """

    def __init__(self) -> None:
        self.received = False
        self._before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():  # else they cannot be heard
            self._before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Training)

        def request(number: int, frame: FrameType | None) -> None:
            self.received = pl_module.stop_requested = True
            self.release()

        # Here and not earlier, so that Lightning's handler is replaced: with several ranks it
        # begins a broadcast wherever a signal finds it, in the middle of another one too.
        for number in self._before:
            signal.signal(number, request)

    def release(self) -> None:
        """Let signals do again what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def between(self, trainer: pl.Trainer) -> None:
        """Stop between two batches of dev; the last checkpoint is what is gone on from."""
        if self.received and trainer.world_size == 1:
            raise Stopped


class Log(pl.Callback):
    """log.jsonl: a line a step and a line an epoch, for programs."""

    def __init__(self, experiment: Experiment) -> None:
        self.path = experiment.log

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        assert isinstance(pl_module, Training)
        if trainer.is_global_zero and pl_module.record is not None:
            self.write({"event": "step", **asdict(pl_module.record)})

    def write(self, event: dict[str, Any]) -> None:
        """Add a line; it is in the file when this returns. JSON has no NaN: it becomes null.

        Raises UserError where the disk refuses.
        """
        told = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in event.items()
        }
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(told, ensure_ascii=False) + "\n")
        except OSError as error:
            raise UserError(f"{self.path} could not be written: {error.strerror}") from error


class EpochEnd(pl.Callback):
    """Dev after each epoch; the best model so far is kept, and weights to average; a line says how
    it went.
    """

    def __init__(
        self,
        experiment: Experiment,
        speech: Speech,
        decoder: Decoder,
        interrupts: Interrupts,
        listeners: Sequence[Callable[[dict[str, Any]], None]],
    ) -> None:
        self.experiment, self.speech, self.decoder = experiment, speech, decoder
        self.interrupts, self.listeners = interrupts, listeners

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Training)
        progress, config = pl_module.progress, pl_module.config
        begun = time.monotonic()
        result = evaluate(
            pl_module.model,
            self.decoder,
            self.speech.dev,
            seconds_per_step=config.data.seconds_per_step,
            workers=config.data.workers,
            rank=trainer.global_rank,
            ranks=trainer.world_size,
            between=lambda: self.interrupts.between(trainer),
        )
        better = (result.rate, result.loss) < (progress.best_rate, progress.best_loss)
        event = self._event(pl_module, result, better, time.monotonic() - begun)
        progress.next_epoch()
        progress.dev = {**progress.dev, progress.epoch: (result.rate, result.loss)}
        if better:
            progress.best_rate, progress.best_loss = result.rate, result.loss
            progress.best_epoch = progress.epoch
        if trainer.is_global_zero:
            for listener in self.listeners:
                listener(event)
            if better:
                state = {
                    "model": pl_module.model.state_dict(),
                    "progress": checkpoint.progress_state(progress),
                }
                checkpoint.save(self.experiment.checkpoints / checkpoint.BEST, state)
                about = card(config, self.speech, result, progress)
                model_folder.save(self.experiment.model, pl_module.model, config, about)
            kept = Epochs(self.experiment.epochs)
            kept.keep(pl_module.model, progress.dev, config.trainer.keep_epochs)

    def _event(
        self, module: Training, result: Evaluation, better: bool, seconds: float
    ) -> dict[str, Any]:
        progress = module.progress
        return {
            "event": "epoch",
            "epoch": progress.epoch,
            "epochs": module.config.trainer.epochs,
            "step": progress.step,
            "update": progress.updates,
            "loss": progress.epoch_loss / max(1, progress.epoch_updates),
            "audio_seconds": progress.epoch_audio,
            "seconds": progress.epoch_seconds,
            "dev_loss": result.loss,
            "dev_wer": result.words.rate,
            "dev_cer": result.characters.rate,
            "unit": result.unit,
            "dev_utterances": result.utterances,
            "dev_left_out": result.left_out,
            "dev_seconds": seconds,
            "best": better,
        }


class Checkpoints(pl.Callback):
    """last.ckpt every so many minutes, before and after each epoch's end, and when stopped.

    Comes after everything that writes to the log or to the progress.
    """

    def __init__(
        self, experiment: Experiment, made_from: Mapping[str, Any], minutes: float
    ) -> None:
        self.path = experiment.checkpoints / checkpoint.LAST
        self.made_from = made_from
        self.seconds = minutes * 60
        self._saved = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        assert isinstance(pl_module, Training)
        left = pl_module.progress.steps - pl_module.progress.step
        if not left:
            return  # dev and the end of the epoch come first; it is saved then
        due = time.monotonic() - self._saved >= self.seconds
        # Who interrupts dev, however long it takes, loses the epoch's last step and no more.
        if due or left == 1 or pl_module.stop_requested:
            self._save(trainer, pl_module)
        if pl_module.stop_requested:
            raise Stopped

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Training)
        self._save(trainer, pl_module)
        # With more ranks, one alone may have heard the signal: they agree after the next step.
        if pl_module.stop_requested and trainer.world_size == 1:
            raise Stopped

    def _save(self, trainer: pl.Trainer, module: Training) -> None:
        if trainer.is_global_zero:
            optimizer = trainer.optimizers[0]
            state = {
                "model": module.model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "progress": checkpoint.progress_state(module.progress),
                "precision": trainer.precision_plugin.state_dict(),
                **self.made_from,
            }
            checkpoint.save(self.path, state)
        self._saved = time.monotonic()


class Curves(pl.Callback):
    """TensorBoard: a point a step, a point an epoch, and one dev utterance drawn an epoch."""

    def __init__(self, experiment: Experiment, speech: Speech) -> None:
        self.folder, self.speech = experiment.tensorboard, speech
        self._writer: Any = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Training)
        if trainer.is_global_zero:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(
                str(self.folder), purge_step=pl_module.progress.updates + 1
            )

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any
    ) -> None:
        assert isinstance(pl_module, Training)
        record = pl_module.record
        if self._writer is None or record is None or record.skipped:
            return
        for name, value in _scalars(record).items():
            self._writer.add_scalar(name, value, record.update)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Training)
        if self._writer is None:
            return
        from ds2kit.training.figures import utterance_figure

        index = self.speech.dev
        figure = utterance_figure(pl_module.model, index, len(index) // 2)
        self._writer.add_figure("dev/aligned", figure, pl_module.progress.updates)
        self._writer.flush()

    def draw_epoch(self, event: dict[str, Any]) -> None:
        """The points of an epoch, from the event that ended it."""
        if self._writer is not None:
            for name in ("dev_loss", "dev_wer", "dev_cer"):
                self._writer.add_scalar(f"dev/{name[4:]}", event[name], event["update"])

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        with suppress(OSError):  # a full disk is being told already
            self._close()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class Bar(TQDMProgressBar):
    """Lightning's bar, counting the plan's epochs and the steps that are left of this one."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Training)
        super().on_train_epoch_start(trainer, pl_module)
        epochs = pl_module.config.trainer.epochs
        described = f"epoch {pl_module.progress.epoch + 1}/{epochs}"
        self.train_progress_bar.set_description(described)

    def get_metrics(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        assert isinstance(pl_module, Training)
        record = pl_module.record
        return {"loss": f"{record.loss:.2f}"} if record else {}


def progress_bars() -> list[pl.Callback]:
    """The bar where somebody watches; in a file it would be noise."""
    return [Bar(leave=False)] if sys.stderr.isatty() else []


def _scalars(record: StepRecord) -> dict[str, float]:
    return {
        "train/loss": record.loss,
        "train/learning_rate": record.learning_rate,
        "train/gradient_norm": record.gradient_norm,
        "train/audio_seconds_per_second": record.audio_seconds / max(record.seconds, 1e-9),
    }


def told(event: dict[str, Any]) -> str:
    """An epoch in one line, for people."""
    rates = {"WER": event["dev_wer"], "CER": event["dev_cer"]}
    if event["unit"] == "character":
        del rates["WER"]
    told = ", ".join(f"{name} {100 * rate:.2f} %" for name, rate in rates.items())
    speed = event["audio_seconds"] / max(event["seconds"], 1e-9)
    best = " (best)" if event["best"] else ""
    return (
        f"epoch {event['epoch'] + 1}/{event['epochs']}: loss {event['loss']:.2f}; "
        f"dev loss {event['dev_loss']:.2f}, {told}{best}; "
        f"{speed:.0f} s of audio a second, {event['seconds'] + event['dev_seconds']:.0f} s"
    )
