"""`ds2kit compare`: whether two systems differ on the same utterances."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("compare")
@click.argument("first", metavar="EXP[:DECODER]")
@click.argument("second", metavar="EXP[:DECODER]")
@click.argument("split")
@click.option(
    "--normaliser",
    default="prepared",
    show_default=True,
    help="What is done to both sides first: prepared, or plain (case and punctuation ignored).",
)
@click.option(
    "--pinyin", is_flag=True, help="Compare the syllables of Mandarin too, with tones and without."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Prepared data, where they were moved or another program decoded.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    first: str,
    second: str,
    split: str,
    normaliser: str,
    pinyin: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Compare two experiments, or two decoders of one, on the same decoded SPLIT.

    The difference of WER and CER, second minus first, with a paired 95 % interval, and p: how
    often chance alone makes a difference as large.
    """
    from ds2kit.scoring.experiment import compare_experiments

    compared = compare_experiments(
        first, second, split, normaliser_name=normaliser, pinyin=pinyin, data=data
    )
    click.echo(
        json.dumps(compared.to_json(), ensure_ascii=False) if as_json else compared.to_text()
    )
