"""The folder of a training: where each thing lies, and whether it may be gone on with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ds2kit import config as configs
from ds2kit.errors import Problems, UserError
from ds2kit.files import whole_file
from ds2kit.registry import Toolkit
from ds2kit.settings import Config

FREE = (
    "makers",
    "corpus.data",
    "data.workers",
    "data.reads_per_batch",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.accelerator",
    "trainer.checkpoint_minutes",
    "trainer.keep_epochs",
)
"""Settings that a training may be gone on with changed: they change the speed, the place of the
same speech (whose index is compared), or what is kept beside the model."""


@dataclass(frozen=True)
class Experiment:
    """Paths in an experiment's folder."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def epochs(self) -> Path:
        return self.folder / "epochs"

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def tensorboard(self) -> Path:
        return self.folder / "tensorboard"

    def check(self, config: Config, toolkit: Toolkit) -> None:
        """Refuse a folder that is something else, or that was begun with other settings.

        Raises Problems that show the difference.
        """
        if self.config.exists():
            old = configs.load(self.config, toolkit)
            free = FREE if config.schedule.name == "one_cycle" else (*FREE, "trainer.epochs")
            changed = configs.differences(old, config, ignored=free)
            if changed:
                raise Problems(
                    f"{self.folder} was begun with other settings; take another folder, or these",
                    changed,
                )
        elif self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise UserError(f"{self.folder} is no experiment and not empty; take another folder")

    def begin(self, config: Config, tokenizer: str) -> None:
        """Write the resolved config and the tokenizer, and sweep up after a killed training."""
        for folder in (self.folder, self.checkpoints, self.epochs, self.model):
            for left in folder.glob(".*.partial"):
                left.unlink(missing_ok=True)
        for path, text in ((self.config, configs.to_yaml(config)), (self.tokenizer, tokenizer)):
            with whole_file(path) as aside:
                aside.write_text(text, encoding="utf-8")

    def read_log(self) -> list[dict[str, Any]]:
        """The events of the log, but for a last line that was cut off."""
        if not self.log.is_file():
            return []
        events = []
        for line in self.log.read_text(encoding="utf-8").split("\n"):
            try:
                events.append(json.loads(line))
            except ValueError:
                continue
        return events

    def rewind_log(self, epoch: int, step: int) -> None:
        """Take out what was logged after a checkpoint: those steps are taken again."""
        kept = [
            event
            for event in self.read_log()
            if (event.get("epoch", -1), event.get("step", -1)) < (epoch, step)
        ]
        with whole_file(self.log) as aside:
            aside.write_text("".join(json.dumps(e) + "\n" for e in kept), encoding="utf-8")


def open_experiment(folder: Path) -> Experiment:
    """An experiment that was begun. Raises UserError where the folder is none."""
    experiment = Experiment(folder)
    if not experiment.config.is_file():
        raise UserError(f"{folder} is no experiment; `ds2kit train CONFIG.yaml {folder}` makes one")
    return experiment
