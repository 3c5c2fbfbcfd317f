"""`ds2kit train`: begin a training, or go on where it stopped."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

from ds2kit import model as models
from ds2kit import model_folder
from ds2kit.components import Tokenizer
from ds2kit.errors import UserError
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
from ds2kit.training.ranks import Joint

PRECISIONS: dict[str, Any] = {
    "32": "32-true",
    "64": "32-true",  # the model itself is in float64; Lightning's way refuses our batches
    "bf16-mixed": "bf16-mixed",
    "16-mixed": "16-mixed",
}


LAST_WORDS = 60.0
"""Seconds that the other ranks have to end when this one has ended."""


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
    module, data = _modules(config, toolkit, begun)
    interrupts = Interrupts()
    trainer = _trainer(config, toolkit, begun, interrupts, say)
    try:
        _fit(trainer, module, data)
    except Stopped:
        say(f"stopped in epoch {begun.progress.epoch + 1}, step {begun.progress.step}")
        if leads:
            raise KeyboardInterrupt from None
        return
    except Joint:
        if leads:
            raise
        return
    finally:
        interrupts.release()
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
    if leads:  # the others would see what it has just begun
        experiment.check(config, toolkit)
    last = experiment.checkpoints / checkpoint.LAST
    state = checkpoint.load(last) if last.exists() else None
    progress = checkpoint.restore_progress(state) if state else Progress()
    if progress.epoch >= config.trainer.epochs:
        say(f"{folder} is finished: {progress.epoch} epochs; model in {experiment.model}")
        return None
    speech = Speech(config)
    if state and state["indexes"] != speech.digests:
        raise UserError(
            f"{last} was trained on other speech than {config.speech.data} now holds; "
            "prepare it as it was, or take another folder"
        )
    tokenizer = (
        _same_tokenizer(experiment, config, toolkit, state)
        if state
        else initial_tokenizer(config, speech, toolkit, init)
    )
    torch.manual_seed(config.seed)
    model = models.build(config, tokenizer, toolkit)
    speech.check(tokenizer, model.output_lengths)
    _tell_findings(speech, say)
    if config.trainer.precision == "64":
        model.double()
    if state:
        model_folder.load_weights(model, state["model"], str(last))
        say(f"going on in epoch {progress.epoch + 1}, step {progress.step}")
    else:
        initial_model(model, config, speech, toolkit, init, say)
    if leads:
        experiment.begin(config, model_folder.tokenizer_json(tokenizer, config))
        _begin_log(experiment, config, progress, model)
    return Begun(experiment, speech, model, progress, state)


def _same_tokenizer(
    experiment: Experiment, config: Config, toolkit: Toolkit, state: dict[str, Any]
) -> Tokenizer:
    tokenizer = model_folder.load_tokenizer(experiment.tokenizer, config, toolkit)
    if list(tokenizer.tokens) != state["tokens"]:
        raise UserError(
            f"{experiment.tokenizer} is not the tokenizer that {experiment.checkpoints} were "
            "trained with; put that one back"
        )
    return tokenizer


def _modules(config: Config, toolkit: Toolkit, begun: Begun) -> tuple[Training, SpeechModule]:
    model, augment = begun.model, config.augment
    features = [toolkit.make(chosen, model.frontend.output_size) for chosen in augment.features]
    waveform = [toolkit.make(chosen, config.data.sample_rate) for chosen in augment.waveform]
    module = Training(model, config, features, begun.progress)
    return module, SpeechModule(begun.speech, model.tokenizer, waveform, begun.progress)


def _trainer(
    config: Config,
    toolkit: Toolkit,
    begun: Begun,
    interrupts: Interrupts,
    say: Callable[[str], None],
) -> pl.Trainer:
    settings = config.trainer
    ranks = settings.devices * settings.num_nodes
    log = Log(begun.experiment)
    curves = Curves(begun.experiment, begun.speech)
    epoch_end = EpochEnd(
        begun.experiment,
        begun.speech,
        toolkit.make(config.decoder, begun.model.tokenizer),
        interrupts,
        listeners=(log.write, curves.draw_epoch, lambda event: say(told(event))),
    )
    tokens = list(begun.model.tokenizer.tokens)
    made_from = {"indexes": begun.speech.digests, "tokens": tokens}
    ends = Checkpoints(begun.experiment, made_from, settings.checkpoint_minutes)
    callbacks = [interrupts, Resume(begun.state), *progress_bars(), log, curves]
    # What is allocated is written before it is read: filling it first would only cost time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    with _quiet():
        return pl.Trainer(
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.num_nodes,
            # An encoder may leave a parameter unused in a step, and nobody warns one rank of that.
            strategy="ddp_find_unused_parameters_true" if ranks > 1 else "auto",
            # Its requeueing writes checkpoints of its own, and prefers them when it starts again.
            plugins=[SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else None,
            precision=PRECISIONS[settings.precision],
            max_epochs=settings.epochs - begun.progress.epoch,
            deterministic=(settings.deterministic or not _on_gpu(config)) or None,
            callbacks=[*callbacks, *_from_plugins(config, toolkit), epoch_end, ends],
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


def _fit(trainer: pl.Trainer, module: Training, data: SpeechModule) -> None:
    """Take the steps, and leave no process behind.

    Raises KeyboardInterrupt where it was interrupted at once, with nothing saved, and Stopped where
    it was asked to stop.
    """
    done = False
    try:
        with _quiet():
            trainer.fit(module, datamodule=data)
        done = True
    except (Stopped, Joint):
        done = True
        raise
    except SystemExit as ended:
        # Lightning ends the process with status 1 where it is interrupted.
        if isinstance(ended.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        _end_children(trainer, wait=done)


def _end_children(trainer: pl.Trainer, *, wait: bool) -> None:
    """End the ranks that Lightning started from this one.

    wait: they end by themselves; else they wait for a rank that has left
    """
    launcher = trainer.strategy.launcher
    if not isinstance(launcher, _SubprocessScriptLauncher):
        return
    children = launcher.procs[:]
    # Lightning watches this list, and kills this process too when one of them dies.
    launcher.procs.clear()
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(LAST_WORDS if wait else 0)
        child.kill()
        child.wait()


def _leads() -> bool:
    """Is this the first rank? Before the ranks know each other, the launchers' variables tell."""
    if "RANK" in os.environ:
        return int(os.environ["RANK"]) == 0
    places = ("SLURM_PROCID", "NODE_RANK", "LOCAL_RANK")
    return all(int(os.environ.get(place, 0)) == 0 for place in places)


def _on_gpu(config: Config) -> bool:
    return config.trainer.accelerator != "cpu" and torch.cuda.is_available()


def _from_plugins(config: Config, toolkit: Toolkit) -> list[pl.Callback]:
    callbacks = toolkit.callbacks(config)
    for callback in callbacks:
        if not isinstance(callback, pl.Callback):
            raise UserError(f"ds2kit_callbacks gave {callback!r}; expected Lightning callbacks")
    return callbacks


def _refuse_impossible(config: Config) -> None:
    settings, on_gpu = config.trainer, _on_gpu(config)
    ranks = settings.devices * settings.num_nodes
    started = int(os.environ.get("WORLD_SIZE", ranks))
    if "RANK" in os.environ and started != ranks:  # by torchrun
        raise UserError(
            f"{started} processes were started, and trainer.devices * trainer.num_nodes is "
            f"{ranks}; make them equal"
        )
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
