"""`ds2kit plot`: the curves of a training, and an utterance with what was heard in it."""

from __future__ import annotations

from pathlib import Path

import click

from ds2kit.errors import UserError, close_name
from ds2kit.registry import Toolkit


@click.command(name="plot")
@click.argument("folder", metavar="EXP", type=click.Path(path_type=Path))
@click.option("--split", help="Of the utterance; default: dev.")
@click.option("--key", help="Of the utterance; default: one of middling length.")
@click.pass_obj
def command(toolkit: Toolkit, folder: Path, split: str | None, key: str | None) -> None:
    """Draw EXP/plots/curves.png and EXP/plots/utterance.png, and print their paths."""
    from ds2kit import config as configs
    from ds2kit import model_folder
    from ds2kit.data.index import Index
    from ds2kit.training.experiment import open_experiment
    from ds2kit.training.figures import curves_figure, save_figure, utterance_figure
    from ds2kit.training.places import find

    experiment = open_experiment(folder)
    events = experiment.read_log()
    if not any(event.get("event") == "step" for event in events):
        raise UserError(f"{experiment.log} has no steps yet; train first")
    curves = folder / "plots" / "curves.png"
    save_figure(curves_figure(events), curves)
    click.echo(str(curves))
    corpus = configs.load(experiment.config, toolkit).speech
    index = Index.load(corpus.data / (split or corpus.dev))
    if not len(index):
        raise UserError(f"{index.folder} has no utterances; name another with --split")
    if key is not None and key not in index.keys:
        hint = close_name(key, index.keys)
        raise UserError(f"{index.folder} has no utterance '{key}'{hint}")
    position = len(index) // 2 if key is None else index.keys.index(key)
    model, _ = model_folder.load(find(folder).model, toolkit)
    utterance = folder / "plots" / "utterance.png"
    save_figure(utterance_figure(model, index, position), utterance)
    click.echo(str(utterance))
