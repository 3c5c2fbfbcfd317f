"""`ds2kit export`: the model of an experiment as a folder to give away."""

from __future__ import annotations

from pathlib import Path

import click

from ds2kit.errors import UserError
from ds2kit.registry import Toolkit


@click.command(name="export")
@click.argument("folder", metavar="EXP|MODEL", type=click.Path(path_type=Path))
@click.argument("target", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--half", is_flag=True, help="Weights in bfloat16: half the size.")
@click.pass_obj
def command(toolkit: Toolkit, folder: Path, target: Path, half: bool) -> None:
    """Copy the model of EXP to FOLDER, which then stands alone; its card goes along."""
    from ds2kit import model_folder
    from ds2kit.files import whole_folder
    from ds2kit.training.places import find

    place = find(folder)
    if target.exists():
        raise UserError(f"{target} exists already; name a folder that does not")
    model, config = model_folder.load(place.model, toolkit)
    card = place.model / model_folder.CARD
    if not card.is_file():
        raise UserError(f"{card} is not there; it belongs to the model, copy it along")
    with whole_folder(target) as aside:
        model_folder.save(aside, model, config, card.read_text(encoding="utf-8"), half=half)
    size = (target / model_folder.WEIGHTS).stat().st_size
    click.echo(f"{target}: {size / 1e6:.2f} MB of weights")
