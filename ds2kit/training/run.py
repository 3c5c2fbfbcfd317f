"""`ds2kit train`: begin a training, or go on where it stopped."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from ds2kit import model as models
from ds2kit.components import Tokenizer
from ds2kit.errors import UserError
from ds2kit.files import whole_file
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.training import checkpoint
from ds2kit.training.callbacks import (
    Checkpoints,
    Curves,
    EpochEnd,
    Interrupts,
    Log,
    Stopped,
    progress_bars,
    told,
)
from ds2kit.training.data import Speech, SpeechModule
from ds2kit.training.experiment import Experiment
from ds2kit.training.initial import initial_model, initial_tokenizer
from ds2kit.training.module import Training
from ds2kit.training.progress import Progress

PRECISIONS: dict[str, Any] = {
    "32": "32-true",
    "64": "32-true",  # the model itself is in float64; Lightning's way refuses our batches
    "bf16-mixed": "bf16-mixed",
    "16-mixed": "16-mixed",
}


@dataclass
class Begun:
    """A training that is ready to take its next step."""

    experiment: Experiment
    speech: Speech
    model: AcousticModel
    progress: Progress
    state: dict[str, Any] | None


def train(
    config: Config,
    folder: Path,
    toolkit: Toolkit,
    *,
    init: Path | None = None,
    tell: Callable[[str], None] = print,
) -> None:
    """Train a model by a config in an experiment's folder, or go on with the training there.

    init: a model folder whose weights are started from
    tell: hears a line about each thing that happened
    Raises UserError for what cannot be trained, and KeyboardInterrupt after the last checkpoint
    where the training was asked to stop.
    """
    leads = _leads()
    say = tell if leads else _silent
    _refuse_impossible(config)
    begun = _begin(config, folder, toolkit, init, leads, say)
    if begun is None:
        return
    module = Training(
        begun.model,
        config,
        [toolkit.make(c, begun.model.frontend.output_size) for c in config.augment.features],
        begun.progress,
    )
    data = SpeechModule(
        begun.speech,
        begun.model.tokenizer,
        [toolkit.make(c, config.data.sample_rate) for c in config.augment.waveform],
        begun.progress,
    )
    interrupts = Interrupts()
    trainer = _trainer(config, toolkit, begun, interrupts, say)
    with _quiet():
        try:
            trainer.fit(module, datamodule=data)
        except (Stopped, SystemExit):
            # Lightning ends the process with status 1 where it is interrupted itself.
            if interrupts.received is None:
                raise
            say(f"stopped in epoch {begun.progress.epoch + 1}, step {begun.progress.step}")
            raise KeyboardInterrupt from None
    rate, epoch = 100 * begun.progress.best_rate, begun.progress.best_epoch
    say(f"finished; best after epoch {epoch}: {rate:.2f} % on dev; model in {folder / 'model'}")


def _begin(
    config: Config,
    folder: Path,
    toolkit: Toolkit,
    init: Path | None,
    leads: bool,
    say: Callable[[str], None],
) -> Begun | None:
    """Everything up to the first step, or None where the training is finished."""
    experiment = Experiment(folder)
    speech = Speech(config)
    experiment.begin(config, toolkit, write=leads)
    last = experiment.checkpoints / checkpoint.LAST
    state = checkpoint.load(last) if last.exists() else None
    progress = checkpoint.restore_progress(state) if state else Progress()
    if progress.epoch >= config.trainer.epochs:
        say(f"{folder} is finished: {progress.epoch} epochs; model in {experiment.model}")
        return None
    if state and state["indexes"] != speech.digests:
        raise UserError(
            f"{last} was trained on other speech than {config.speech.data} now holds; "
            "prepare it as it was, or take another folder"
        )
    tokenizer = _tokenizer(experiment, config, speech, toolkit, init, state is not None, leads)
    torch.manual_seed(config.seed)
    model = models.build(config, tokenizer, toolkit)
    speech.check(tokenizer, model.output_lengths)
    _tell_findings(speech, say)
    if state:
        models.load_weights(model, state["model"], str(last))
        say(f"going on in epoch {progress.epoch + 1}, step {progress.step}")
    else:
        initial_model(model, config, speech, toolkit, init, say)
    if config.trainer.precision == "64":
        model.double()
    if leads:
        _begin_log(experiment, config, progress, model)
    return Begun(experiment, speech, model, progress, state)


def _tokenizer(
    experiment: Experiment,
    config: Config,
    speech: Speech,
    toolkit: Toolkit,
    init: Path | None,
    resumed: bool,
    leads: bool,
) -> Tokenizer:
    if resumed:
        return models.load_tokenizer(experiment.tokenizer, config, toolkit)
    tokenizer = initial_tokenizer(config, speech, toolkit, init)
    if leads:
        with whole_file(experiment.tokenizer) as aside:
            aside.write_text(models.tokenizer_json(tokenizer, config), encoding="utf-8")
    return tokenizer


def _trainer(
    config: Config,
    toolkit: Toolkit,
    begun: Begun,
    interrupts: Interrupts,
    say: Callable[[str], None],
) -> pl.Trainer:
    settings = config.trainer
    log = Log(begun.experiment)
    curves = Curves(begun.experiment, begun.speech)
    epoch_end = EpochEnd(
        begun.experiment,
        begun.speech,
        toolkit.make(config.decoder, begun.model.tokenizer),
        interrupts,
        listeners=(log.write, curves.draw_epoch, lambda event: say(told(event))),
    )
    ends = Checkpoints(begun.experiment, begun.speech.digests, settings.checkpoint_minutes)
    callbacks = [interrupts, Resume(begun.state), *progress_bars(), log, curves]
    with _quiet():
        return pl.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.num_nodes,
            strategy="ddp" if settings.devices * settings.num_nodes > 1 else "auto",
            precision=PRECISIONS[settings.precision],
            max_epochs=settings.epochs - begun.progress.epoch,
            deterministic=settings.deterministic or None,
            callbacks=[*callbacks, *toolkit.callbacks(config), epoch_end, ends],
            reload_dataloaders_every_n_epochs=1,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=any(isinstance(c, pl.callbacks.ProgressBar) for c in callbacks),
            default_root_dir=begun.experiment.folder,
        )


class Resume(pl.Callback):
    """Put the optimiser back where the checkpoint left it."""

    def __init__(self, state: dict[str, Any] | None) -> None:
        self.state = state

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.state is not None:
            trainer.optimizers[0].load_state_dict(self.state["optimizer"])
            if self.state["precision"]:
                trainer.precision_plugin.load_state_dict(self.state["precision"])
            self.state = None


def _leads() -> bool:
    """Is this the first rank? Before the ranks know each other, the launchers' variables tell."""
    places = [os.environ.get(name) for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK")]
    return next((int(place) for place in places if place is not None), 0) == 0


def _refuse_impossible(config: Config) -> None:
    settings = config.trainer
    on_gpu = settings.accelerator != "cpu" and torch.cuda.is_available()
    if settings.accelerator == "gpu" and not on_gpu:
        raise UserError("trainer.accelerator is gpu, and torch sees none; set it to auto or cpu")
    if settings.precision == "16-mixed" and not on_gpu:
        raise UserError(
            "trainer.precision is 16-mixed, which a CPU cannot do (Lightning would silently take "
            "bf16); set it to bf16-mixed or 32"
        )


def _begin_log(
    experiment: Experiment, config: Config, progress: Progress, model: AcousticModel
) -> None:
    experiment.rewind_log(progress.epoch, progress.step)
    event = {
        "event": "start",
        "at": [progress.epoch, progress.step],
        "ranks": config.trainer.devices * config.trainer.num_nodes,
        "precision": config.trainer.precision,
        "threads": torch.get_num_threads(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "ds2kit": version("ds2kit"),
        "torch": torch.__version__,
    }
    with experiment.log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")


def _tell_findings(speech: Speech, say: Callable[[str], None]) -> None:
    for index, report in zip(speech.train, speech.reports, strict=True):
        if report.bad:
            say(f"{index.folder}: {report.bad} of {report.total} utterances left out")
        for finding in report.findings:
            say(f"  {finding}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's advertisements and advice; its errors are still heard."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _silent(line: str) -> None:
    """What the other ranks say."""
