"""`ds2kit average`: one model of several epochs of a training."""

from __future__ import annotations

from pathlib import Path

import click

from ds2kit.errors import UserError
from ds2kit.registry import Toolkit


@click.command(name="average")
@click.argument("experiment", metavar="EXP", type=click.Path(path_type=Path))
@click.argument("target", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--last", type=click.IntRange(min=1), metavar="K", help="Of the K last epochs.")
@click.option(
    "--best",
    type=click.IntRange(min=1),
    metavar="K",
    help="Of the K epochs with the lowest error rates on dev. The default, with K 5, or fewer "
    "where fewer are kept.",
)
@click.pass_obj
def command(
    toolkit: Toolkit, experiment: Path, target: Path, last: int | None, best: int | None
) -> None:
    """Write the mean of the weights after several epochs of EXP as a model to FOLDER.

    Training keeps trainer.keep_epochs last and as many best epochs. Whether the mean is better
    than EXP's best model is for `ds2kit decode` and `ds2kit score` to tell, of both.
    """
    from ds2kit.training.average import average

    if last and best:
        raise UserError("--last and --best exclude each other; give one of them")
    epochs = average(experiment, target, toolkit, "last" if last else "best", last or best)
    after = f"epoch{'s' if len(epochs) > 1 else ''} {', '.join(map(str, epochs))}"
    click.echo(f"{target}: mean of the weights after {after}")
