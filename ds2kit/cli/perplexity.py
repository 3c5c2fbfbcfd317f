"""`ds2kit perplexity`: how well a language model predicts a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ds2kit.registry import Toolkit

if TYPE_CHECKING:
    from ds2kit.components import Unit
    from ds2kit.lm.perplexity import Perplexity


@click.command(name="perplexity")
@click.argument("arpa", metavar="FILE.arpa", type=click.Path(path_type=Path))
@click.argument(
    "texts", metavar="TEXT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--unit",
    type=click.Choice(["auto", "word", "character", "token"]),
    default="auto",
    show_default=True,
    help="What the model counts, where its file does not say.",
)
@click.option(
    "--tokenizer",
    metavar="MODEL|tokenizer.json",
    type=click.Path(path_type=Path),
    help="Whose tokens, for a model of tokens.",
)
@click.option(
    "--normaliser",
    default="prepared",
    show_default=True,
    help="What is done to each line first: prepared, or plain (lower case, no punctuation).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def command(
    toolkit: Toolkit,
    arpa: Path,
    texts: tuple[Path, ...],
    unit: Literal["auto", "word", "character", "token"],
    tokenizer: Path | None,
    normaliser: str,
    as_json: bool,
) -> None:
    """Measure the model FILE.arpa on TEXT, a sentence a line.

    Perplexity over all units and ends of sentences, and over those that the model knows; the
    share of units that it does not know. Any maker's file will do, plain, gzip or xz.
    """
    from ds2kit.cli.lm import told_foreign
    from ds2kit.errors import UserError
    from ds2kit.lm.ngram import NGram
    from ds2kit.lm.perplexity import measure
    from ds2kit.lm.sentences import Sentences
    from ds2kit.model_folder import read_tokenizer
    from ds2kit.text.normalise import normaliser as named

    normalise = named(normaliser)
    model = NGram(arpa, unit=unit)
    if (model.unit == "token") != (tokenizer is not None):
        raise UserError(
            f"{arpa} is a model of {model.unit}s; --tokenizer belongs to a model of tokens, and "
            "only to that"
        )
    chosen = read_tokenizer(tokenizer, toolkit) if tokenizer else None
    sentences = Sentences(texts, model.unit, normalise, tokenizer=chosen)
    found = measure(model, sentences)
    if sentences.foreign:
        click.echo(told_foreign(sentences), err=True)
    if as_json:
        said = {"model": str(arpa), "order": model.order, "unit": model.unit}
        click.echo(json.dumps(said | found.to_json() | {"foreign_lines": sentences.foreign}))
    else:
        click.echo(_shown(found, model.unit))


def _shown(found: Perplexity, unit: Unit) -> str:
    names = {
        "sentences": f"{found.sentences:,}",
        f"{unit}s": f"{found.units:,}",
        f"unknown {unit}s": f"{found.unknown:,} ({found.unknown_rate:.2%})",
        "perplexity": f"{found.perplexity:.2f}",
        f"perplexity of known {unit}s": f"{found.known_perplexity:.2f}",
    }
    return "\n".join(f"{name:32}{figure}" for name, figure in names.items())
