"""`ds2kit train`: begin a training, or go on where it stopped."""

from __future__ import annotations

from pathlib import Path

import click

from ds2kit.registry import Toolkit


@click.command(name="train")
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("experiment", metavar="EXP", type=click.Path(path_type=Path))
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option(
    "--init",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="Start from the weights of this model folder.",
)
@click.pass_obj
def command(
    toolkit: Toolkit, config: Path, experiment: Path, overrides: tuple[str, ...], init: Path | None
) -> None:
    """Train by the yaml CONFIG in the folder EXP, or go on with the training that is there.

    KEY=VALUE overrides the yaml, as in encoder.width=800. Ctrl-C stops after the step; the same
    command goes on from there.
    """
    from ds2kit import config as configs
    from ds2kit.training.run import train

    settings = configs.load(config, toolkit, overrides)
    train(settings, experiment, toolkit, init=init, tell=lambda line: click.echo(line, err=True))
