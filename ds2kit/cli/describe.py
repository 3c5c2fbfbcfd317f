"""`ds2kit describe`: the layers of a model, their shapes and their parameters."""

from __future__ import annotations

from pathlib import Path

import click

from ds2kit.errors import UserError
from ds2kit.registry import Toolkit


@click.command(name="describe")
@click.argument("source", metavar="CONFIG.yaml|MODEL|EXP", type=click.Path(path_type=Path))
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.pass_obj
def command(toolkit: Toolkit, source: Path, overrides: tuple[str, ...]) -> None:
    """Print the layers with the shape that a second of audio has after each, parameters, stride.

    The output layer of a yaml is as wide as the tokenizer learns from its prepared transcripts;
    where these are not prepared yet, it is left out.
    """
    from ds2kit.describe import describe_config, describe_model

    if source.is_dir():
        from ds2kit import model_folder
        from ds2kit.training.places import find

        if overrides:
            raise UserError(f"{source} is trained, {overrides[0]!r} cannot change it; name a yaml")
        model, _ = model_folder.load(find(source).model, toolkit)
        click.echo(describe_model(model))
    else:
        from ds2kit import config as configs

        click.echo(describe_config(configs.load(source, toolkit, overrides), toolkit))
