"""`ds2kit lexicon`: the words that a decoder may hear, spelled in a tokenizer's tokens."""

from __future__ import annotations

from pathlib import Path

import click

from ds2kit.registry import Toolkit

NAMED_WORDS = 5
"""How many of the words are named that the tokenizer cannot write."""


@click.command(name="lexicon")
@click.argument("model", metavar="MODEL|EXP|tokenizer.json", type=click.Path(path_type=Path))
@click.argument(
    "sources",
    metavar="ARPA|TEXT...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option(
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write.",
)
@click.option(
    "--size",
    metavar="N",
    type=click.IntRange(min=1),
    help="Only the N most frequent words; of an ARPA file, the most probable.",
)
@click.option(
    "--normaliser",
    default="prepared",
    show_default=True,
    help="What is done to each line of TEXT: prepared, or plain (lower case, no punctuation).",
)
@click.pass_obj
def command(
    toolkit: Toolkit,
    model: Path,
    sources: tuple[Path, ...],
    output: Path,
    size: int | None,
    normaliser: str,
) -> None:
    """Write a lexicon of the words of ARPA files or TEXT, for the tokenizer of a model.

    A line is a word, a tab, and its tokens with spaces between them, the most frequent word first.
    Words that the tokenizer cannot write are left out, counted and named.
    """
    from ds2kit.errors import UserError
    from ds2kit.files import check_folder, whole_file
    from ds2kit.lm.lexicon import make_lexicon, vocabulary
    from ds2kit.model_folder import read_tokenizer
    from ds2kit.text.normalise import normaliser as named

    check_folder(output)
    tokenizer = read_tokenizer(model, toolkit)
    lexicon = make_lexicon(vocabulary(sources, named(normaliser), size), tokenizer)
    if lexicon.foreign:
        first = list(lexicon.foreign.items())[:NAMED_WORDS]
        words = ", ".join(f"{word} ({symbol!r})" for word, symbol in first)
        more = ", ..." if len(lexicon.foreign) > len(first) else ""
        told = f"words that the tokenizer cannot write: {len(lexicon.foreign):,}, {words}{more}"
        if not lexicon.lines:
            raise UserError(f"no word is left: {told}; take a tokenizer or a text that fits")
        click.echo(told, err=True)
    with whole_file(output) as aside:
        aside.write_text("".join(lexicon.lines), encoding="utf-8")
    click.echo(f"{len(lexicon.lines):,} words", err=True)
    click.echo(str(output))
