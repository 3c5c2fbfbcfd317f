"""`ds2kit lm`: an n-gram language model of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ds2kit.registry import Toolkit

if TYPE_CHECKING:
    from ds2kit.components import Unit
    from ds2kit.lm.kneser_ney import Estimated
    from ds2kit.lm.sentences import Sentences

LISTS = ("--prune", "--without")


class Lists(click.Command):
    """A command with options that take several values in a row, as those of lmplz do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spread: list[str] = []
        option = ""
        for argument in args:
            if argument.startswith("-"):
                option = argument
            elif option == "--prune" and not argument.isdecimal():
                option = ""
            elif option in LISTS and spread[-1] != option:
                spread.append(option)
            spread.append(argument)
        return super().parse_args(ctx, spread)


@click.command(name="lm", cls=Lists)
@click.argument(
    "texts", metavar="TEXT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--output",
    metavar="FILE.arpa[.gz]",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write.",
)
@click.option(
    "--order", type=int, default=3, show_default=True, help="Units of the longest n-grams, 1 to 6."
)
@click.option(
    "--unit",
    type=click.Choice(["word", "character", "token"]),
    default="word",
    show_default=True,
    help="What is counted.",
)
@click.option(
    "--tokenizer",
    metavar="MODEL|tokenizer.json",
    type=click.Path(path_type=Path),
    help="Whose tokens, with --unit token.",
)
@click.option(
    "--normaliser",
    default="prepared",
    show_default=True,
    help="What is done to each line first: prepared, or plain (lower case, no punctuation).",
)
@click.option(
    "--prune",
    metavar="N...",
    multiple=True,
    type=int,
    help="Leave out n-grams that occur so often or less, for each length; `0 0 1`: those of three "
    "units and more that occur once.",
)
@click.option(
    "--vocabulary",
    metavar="N",
    type=click.IntRange(min=1),
    help="Keep the N most frequent units; all others become <unk>.",
)
@click.option(
    "--without",
    metavar="SPLIT|TEXT...",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Take out lines that share six words (characters, of a character model) in a row with a "
    "prepared split or a text, or are a shorter transcript of it.",
)
@click.option("--lmplz", "use_lmplz", is_flag=True, help="Let KenLM's lmplz do it.")
@click.option(
    "--memory",
    metavar="GB",
    type=click.FloatRange(min=0.1),
    default=4.0,
    show_default=True,
    help="Refuse a text that takes more; lmplz works with so much.",
)
@click.pass_obj
def command(
    toolkit: Toolkit,
    texts: tuple[Path, ...],
    output: Path,
    order: int,
    unit: Unit,
    tokenizer: Path | None,
    normaliser: str,
    prune: tuple[int, ...],
    vocabulary: int | None,
    without: tuple[Path, ...],
    use_lmplz: bool,
    memory: float,
) -> None:
    """Write an n-gram model of TEXT, a sentence a line, as an ARPA file.

    Interpolated modified Kneser-Ney. TEXT is UTF-8, plain, gzip or xz. TEXT comes before --prune
    and --without, which take all that follows them.
    """
    from ds2kit.errors import UserError
    from ds2kit.files import check_folder
    from ds2kit.lm.arpa import check_ending
    from ds2kit.lm.lmplz import estimate_with_lmplz, find_lmplz

    check_folder(output)
    check_ending(output)
    thresholds = _thresholds(order, prune)
    if use_lmplz:
        find_lmplz()
        if vocabulary:
            raise UserError("--lmplz keeps all units; leave it or --vocabulary out")
    sentences = _sentences(toolkit, texts, unit, normaliser, tokenizer, without)
    if use_lmplz:
        estimate_with_lmplz(output, sentences, order, unit, thresholds, memory)
    else:
        _estimate(output, sentences, order, unit, thresholds, vocabulary, memory)
    if without:
        click.echo(f"lines taken out by --without: {sentences.shared:,}", err=True)
    if sentences.foreign:
        click.echo(told_foreign(sentences), err=True)
    click.echo(str(output))


def _sentences(
    toolkit: Toolkit,
    texts: Sequence[Path],
    unit: Unit,
    normaliser: str,
    tokenizer: Path | None,
    without: Sequence[Path],
) -> Sentences:
    """What the model is to be made of."""
    from ds2kit.errors import UserError
    from ds2kit.lm.sentences import Sentences
    from ds2kit.lm.without import Forbidden
    from ds2kit.model_folder import read_tokenizer
    from ds2kit.text.normalise import normaliser as named

    if (unit == "token") != (tokenizer is not None):
        raise UserError("--unit token and --tokenizer belong together; give both or neither")
    return Sentences(
        texts,
        unit,
        named(normaliser),
        tokenizer=read_tokenizer(tokenizer, toolkit) if tokenizer else None,
        forbidden=Forbidden(_texts_of(without), unit) if without else None,
    )


def told_foreign(sentences: Sentences) -> str:
    """What a tokenizer could not write, on one line."""
    symbols = ", ".join(map(repr, sentences.symbols))
    return f"lines left out, which the tokenizer cannot write: {sentences.foreign:,} ({symbols})"


def _thresholds(order: int, prune: Sequence[int]) -> Sequence[int]:
    """What --prune says, by length. Raises UserError where it, or the order, cannot be."""
    from ds2kit.errors import UserError
    from ds2kit.lm.ngrams import MOST_ORDER

    if not 1 <= order <= MOST_ORDER:
        raise UserError(
            f"--order is {order}; expected 1 to {MOST_ORDER} (KenLM, with which decoders read the "
            "file, takes no more)"
        )
    thresholds = prune or (0,)
    if thresholds[0] or list(thresholds) != sorted(thresholds) or len(thresholds) > order:
        raise UserError(
            f"--prune is {' '.join(map(str, thresholds))}; expected at most {order} numbers, the "
            "first 0 and none less than the one before, such as 0 0 1"
        )
    return thresholds


def _texts_of(without: Sequence[Path]) -> Iterator[str]:
    """The transcripts of prepared splits and the lines of texts."""
    from ds2kit.data.index import Index
    from ds2kit.lm.texts import read_lines
    from ds2kit.text.normalise import prepared

    for path in without:
        yield from Index.load(path).texts if path.is_dir() else read_lines([path], prepared)


def _estimate(
    output: Path,
    sentences: Sentences,
    order: int,
    unit: Unit,
    thresholds: Sequence[int],
    vocabulary: int | None,
    memory: float,
) -> None:
    """Count, estimate, write, and say how far it is."""
    from ds2kit.errors import UserError
    from ds2kit.lm.arpa import write_arpa
    from ds2kit.lm.counts import SPECIAL, most_frequent, needed_gigabytes, number
    from ds2kit.lm.kneser_ney import estimate

    numbered = number(sentences)
    units = len(numbered.positions) - 2 * numbered.sentences
    different = len(numbered.units) - len(SPECIAL)
    click.echo(
        f"{numbered.sentences:,} sentences, {units:,} {unit}s, {different:,} different", err=True
    )
    if vocabulary:
        numbered = most_frequent(numbered, vocabulary)
    needed = needed_gigabytes(numbered, order)
    if needed > memory:
        raise UserError(
            f"{units:,} {unit}s at order {order} take up to {needed:.1f} GB, more than --memory "
            f"{memory:g}; allow more, choose a lower order, or install KenLM and give --lmplz"
        )
    estimated = estimate(numbered, order, unit, thresholds)
    for line in _told(estimated, order):
        click.echo(line, err=True)
    write_arpa(output, estimated.model)


def _told(estimated: Estimated, order: int) -> Iterator[str]:
    """What was estimated, a line for each length of n-gram."""
    parts = zip(estimated.model.levels, estimated.discounts, estimated.pruned, strict=False)
    for length, (level, discounts, pruned) in enumerate(parts, 1):
        numbers = f"{discounts.once:.3f} {discounts.twice:.3f} {discounts.more:.3f}"
        guessed = "" if discounts.estimated else " (fixed ones: too few to estimate them)"
        left_out = f", {pruned:,} pruned" if pruned else ""
        yield f"{length}-grams: {len(level):,}{left_out}; discounts {numbers}{guessed}"
    if estimated.model.order < order:
        longest = estimated.model.order
        yield f"no n-gram longer than {longest} is left: that is the model's order"
