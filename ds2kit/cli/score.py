"""`ds2kit score`: error rates of a decoded split."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("score")
@click.argument("experiment", metavar="EXP|MODEL", type=click.Path(path_type=Path))
@click.argument("split")
@click.option("--decoder", help="Whose hypotheses, where several decoders were used.")
@click.option(
    "--normaliser",
    default="prepared",
    show_default=True,
    help="What is done to both sides first: prepared, or plain (case and punctuation ignored).",
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Prepared data, where they were moved."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    experiment: Path,
    split: str,
    decoder: str | None,
    normaliser: str,
    data: Path | None,
    as_json: bool,
) -> None:
    """Score the hypotheses of SPLIT that `ds2kit decode` left in the folder.

    WER and CER over all utterances with 95 % intervals, by speaker, and what was confused. The
    same is written beside the hypotheses, as score.txt and score.json.
    """
    from ds2kit.scoring.experiment import score_experiment

    scored = score_experiment(
        experiment, split, decoder=decoder, normaliser_name=normaliser, data=data
    )
    click.echo(json.dumps(scored.to_json(), ensure_ascii=False) if as_json else scored.to_text())
