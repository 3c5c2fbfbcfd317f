"""Where the model and the config of a folder are, be it an experiment or a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ds2kit import config as configs
from ds2kit.errors import UserError
from ds2kit.model_folder import CARD, CONFIG, WEIGHTS
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.training.experiment import Experiment

DECODING_KEYS = ("decoder", "corpus.data", "data.workers", "data.seconds_per_step")
"""What may be overridden when a trained model is used; the rest is fixed with its weights."""


@dataclass(frozen=True)
class Place:
    """A folder that was given, and the model folder that is meant."""

    folder: Path
    model: Path

    def config(self, toolkit: Toolkit, overrides: Sequence[str] = ()) -> Config:
        """The experiment's config, or the model's, with overrides of how it is used.

        The decoder is the model's: the one that `ds2kit tune` found, where it did.
        Raises UserError for overrides that would make another model of it.
        """
        for override in overrides:
            if not override.startswith(DECODING_KEYS):
                raise UserError(
                    f"{override!r} cannot be changed in a trained model; "
                    f"expected one of {', '.join(DECODING_KEYS)}"
                )
        of_model = [o for o in overrides if self.folder == self.model or o.startswith("decoder")]
        model = configs.load(self.model / CONFIG, toolkit, of_model)
        if self.folder == self.model:
            return model
        others = [override for override in overrides if override not in of_model]
        experiment = configs.load(Experiment(self.folder).config, toolkit, others)
        makers = {**experiment.makers, **model.makers}
        return replace(experiment, decoder=model.decoder, makers=makers)


def checked_split(split: str) -> str:
    """The name of a split. Raises UserError where it is none, but a path for instance."""
    if Path(split).name != split:
        raise UserError(f"{split!r} is no split; expected its name alone, such as test")
    return split


def find(folder: Path) -> Place:
    """The model of an experiment or of a model folder. Raises UserError where there is none."""
    if (folder / WEIGHTS).is_file():
        return Place(folder, folder)
    if (folder / CARD).is_file():
        raise UserError(f"{folder} lacks {WEIGHTS}; it belongs to the model, copy it along")
    experiment = Experiment(folder)
    if not experiment.config.is_file():
        raise UserError(
            f"{folder} is neither an experiment nor a model folder; "
            f"`ds2kit train CONFIG.yaml {folder}` makes one"
        )
    if not (experiment.model / WEIGHTS).is_file():
        raise UserError(
            f"{folder} has no model yet; it appears after the first epoch, so train it further"
        )
    return Place(folder, experiment.model)
