"""`ds2kit average`: one model of several epochs of a training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Literal

from torch import Tensor

from ds2kit import model as models
from ds2kit import model_folder
from ds2kit.errors import UserError
from ds2kit.files import whole_folder
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.training.card import average_card
from ds2kit.training.epochs import Epochs, Scores, latest, ranked
from ds2kit.training.experiment import Experiment
from ds2kit.training.places import find

Choice = Literal["last", "best"]

USUAL = 5
"""Epochs that are averaged where nobody says how many, or all where fewer are kept."""


def average(
    folder: Path, target: Path, toolkit: Toolkit, choice: Choice, count: int | None = None
) -> list[int]:
    """Write a model folder with the mean weights of an experiment's epochs; gives the epochs.

    choice: the last epochs, or those with the lowest error rates on dev
    count:  how many; None: the usual number, or fewer where fewer are kept
    Raises UserError where there are no such epochs, where one is damaged, or where `target` exists.
    """
    place = find(folder)
    if place.model == folder:
        raise UserError(
            f"{folder} is a model folder, which has one set of weights; "
            "name the experiment that it is from"
        )
    if target.exists():
        raise UserError(f"{target} exists already; name a folder that does not")
    experiment = Experiment(folder)
    epochs = Epochs(experiment.epochs)
    dev = epochs.read_scores()
    chosen = _chosen(epochs, dev, choice, count)
    about = experiment.model / model_folder.CARD
    if not about.is_file():
        raise UserError(f"{about} is not there; it belongs to the model, copy it along")
    config = place.config(toolkit)
    tokenizer = model_folder.load_tokenizer(experiment.tokenizer, config, toolkit)
    model = models.build(config, tokenizer, toolkit)
    model.load_state_dict(mean(_states(model, epochs, chosen)))
    card = average_card(about.read_text(encoding="utf-8"), {e: dev[e][0] for e in chosen}, choice)
    with whole_folder(target) as aside:
        model_folder.save(aside, model, config, card)
    return chosen


def mean(states: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of models' weights and statistics, oldest model first.

    Sums are in float64, the mean is in float32. Whole numbers, such as the number of batches that
    a batch norm has seen, are those of the newest.

    The running mean and variance of a batch norm are averaged like weights. They are not exactly
    what the averaged model would measure. But they are averages themselves, over batches of the
    same speech, and where weights are so close that their mean is of use, what they make of that
    speech is nearly linear in them. With spoken digits, models with such statistics did as well on
    dev as with those measured anew on the training speech, even the mean of the first three epochs.
    """
    sums: dict[str, Tensor] = {}
    count = 0
    for state in states:
        count += 1
        for name, value in state.items():
            sums[name] = value.double() + sums.get(name, 0) if value.is_floating_point() else value
    return {
        name: (value / count).float() if value.is_floating_point() else value
        for name, value in sums.items()
    }


def _states(
    model: AcousticModel, epochs: Epochs, chosen: Iterable[int]
) -> Iterator[dict[str, Tensor]]:
    """The weights of each epoch, one at a time, once they are known to fit the model."""
    for path in map(epochs.weights, chosen):
        weights = model_folder.read_weights(path, model.tokenizer)
        model_folder.load_weights(model, weights, str(path))
        yield weights


def _chosen(epochs: Epochs, dev: Scores, choice: Choice, count: int | None) -> list[int]:
    """The epochs to average, in order of time."""
    there = epochs.there()
    if not dev or not there:
        raise UserError(
            f"{epochs.folder.parent} keeps no weights of its epochs, which an average is of; "
            "train it further, or anew, with trainer.keep_epochs of at least 1"
        )
    order = latest(dev) if choice == "last" else ranked(dev)
    ready = len(list(takewhile(there.__contains__, order)))
    count = count or max(1, min(USUAL, ready))
    if count > ready:
        raise UserError(
            f"{epochs.folder} has the weights of the {choice} {ready} of {len(dev)} epochs, and "
            f"{count} are asked for; ask for fewer, or train with trainer.keep_epochs={count}"
        )
    return sorted(order[:count])
