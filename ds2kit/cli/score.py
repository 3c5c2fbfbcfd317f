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
    "--by",
    multiple=True,
    metavar="COLUMN[:N]",
    help="Rates for each value of a column of the index (speaker, ...) or of seconds, which is "
    "cut in quartiles; with :N in N groups by number. May be given several times.",
)
@click.option(
    "--pinyin", is_flag=True, help="Count the syllables of Mandarin too, with tones and without."
)
@click.option(
    "--trn",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write ref.trn and hyp.trn there, for NIST's sclite.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Prepared data, where they were moved or another program decoded.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    experiment: Path,
    split: str,
    decoder: str | None,
    normaliser: str,
    by: tuple[str, ...],
    pinyin: bool,
    trn: Path | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Score the hypotheses of SPLIT that `ds2kit decode` left in the folder.

    WER and CER over all utterances with 95 % intervals, by speaker, and what was confused. The
    same is written beside the hypotheses, as score.txt and score.json. `ds2kit compare` says
    whether two results differ.
    """
    from ds2kit.scoring.experiment import score_experiment

    scored = score_experiment(
        experiment,
        split,
        decoder=decoder,
        normaliser_name=normaliser,
        by=by,
        pinyin=pinyin,
        data=data,
        trn_folder=trn,
    )
    click.echo(json.dumps(scored.to_json(), ensure_ascii=False) if as_json else scored.to_text())
