"""`ds2kit tokens`: what each tokenizer makes of a recipe's transcripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ds2kit.errors import UserError
from ds2kit.registry import Toolkit

if TYPE_CHECKING:
    from ds2kit.data.tokens import TokenStatistics, Transcripts
    from ds2kit.settings import Config

HEADER = (
    f"{'':11}{'tokens':>9}{'bits':>8}{'bits':>9}{'tokens':>8}"
    f"{'% that CTC cannot align':>26}{'% new in dev':>17}",
    f"{'vocabulary':>11}{'a second':>9}{'a token':>8}{'a second':>9}{'a word':>8}"
    f"{'stride 2':>10}{'3':>8}{'4':>8}{'symbols':>10}{'words':>7}",
)
"""Of the columns after the tokenizer's name."""


@click.command(name="tokens")
@click.argument("config", metavar="CONFIG.yaml", type=click.Path(path_type=Path))
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option(
    "--tokenizer",
    "asked",
    metavar="NAME",
    multiple=True,
    help="Only this one: its name, or as a yaml has it, '{name: ..., ...}'. May be given several "
    "times.",
)
@click.option("--json", "as_json", is_flag=True, help="An object a line; shares are fractions.")
@click.pass_obj
def command(
    toolkit: Toolkit,
    config: Path,
    overrides: tuple[str, ...],
    asked: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print what each installed tokenizer makes of the prepared transcripts of a config.

    Each learns from the training splits, the config's own with its options there: the size of the
    vocabulary, blank included; tokens a second of speech; bits a token, the entropy of single
    tokens, and bits a second; tokens a word. Then how many of the training utterances CTC cannot
    align where the encoder's total stride is 2, 3 or 4 of the frontend's frames, and how many of
    dev's symbols no token holds and of its words training never has. An utterance counts once, at
    the speed at which it was spoken.
    """
    from ds2kit.config import plain
    from ds2kit.scoring.align import leading_unit

    configs = _configs(config, toolkit, overrides, asked)
    train, dev = _transcripts(configs[0], toolkit)
    spaced = leading_unit(train.texts) == "word"
    labels = [_label(one, toolkit) for one in configs]
    width = max(9, *map(len, labels)) + 1
    if not as_json:
        click.echo(f"{'':{width}}{HEADER[0]}\n{'tokenizer':{width}}{HEADER[1]}")
    failed = 0
    for label, one in zip(labels, configs, strict=True):
        click.echo(f"{label}: learning from {len(train.texts):,} transcripts", err=True)
        try:
            statistics = _measured(one, toolkit, train, dev, spaced)
            row, line = statistics.to_json(), _line(statistics)
        except UserError as error:
            if asked:
                raise
            row, line = {"error": str(error)}, str(error)
            failed += 1
        about = {"tokenizer": one.tokenizer.name, "options": plain(one.tokenizer.options)}
        told = json.dumps(about | row, ensure_ascii=False)
        click.echo(told if as_json else f"{label:{width}}{line}")
    if failed == len(configs):
        raise UserError("no tokenizer learned from the transcripts; see above")


def _configs(
    path: Path, toolkit: Toolkit, overrides: Sequence[str], asked: Sequence[str]
) -> list[Config]:
    """The config with each tokenizer that was asked for; else with its own, and with each other
    that is installed.
    """
    from ds2kit import config as configs

    if asked:
        named = [f"tokenizer{'' if text.startswith('{') else '.name'}={text}" for text in asked]
        return [configs.load(path, toolkit, [*overrides, name]) for name in named]
    found = [configs.load(path, toolkit, overrides)]
    kept = [override for override in overrides if not override.startswith("tokenizer")]
    for name in toolkit.names("tokenizer"):
        if name != found[0].tokenizer.name:
            try:
                found.append(configs.load(path, toolkit, [*kept, f"tokenizer.name={name}"]))
            except UserError as error:
                click.echo(f"left out: {error}", err=True)
    return found


def _transcripts(config: Config, toolkit: Toolkit) -> tuple[Transcripts, Transcripts]:
    """Those of training and those of dev."""
    from ds2kit.data.index import Index
    from ds2kit.data.tokens import Transcripts

    corpus = config.speech
    frontend = toolkit.make(config.frontend, config.data.sample_rate)
    train = Transcripts.of([Index.load(corpus.data / s) for s in corpus.weights], frontend)
    if not any(text.strip() for text in train.texts):
        splits = ", ".join(corpus.weights)
        raise UserError(
            f"{corpus.data}: no utterance of {splits} has a transcript; prepare it with transcripts"
        )
    return train, Transcripts.of([Index.load(corpus.data / corpus.dev)], frontend)


def _measured(
    config: Config, toolkit: Toolkit, train: Transcripts, dev: Transcripts, spaced: bool
) -> TokenStatistics:
    from ds2kit.data.tokens import measure

    component = toolkit.component("tokenizer", config.tokenizer.name)
    learned = toolkit.learn(config.tokenizer, component.learn, iter(train.texts))
    return measure(learned, train, dev, spaced=spaced)


def _label(config: Config, toolkit: Toolkit) -> str:
    """The tokenizer's name, and the options that are not their defaults."""
    defaults = toolkit.options("tokenizer", config.tokenizer.name)
    chosen = config.tokenizer.options.items()
    told = [f"{name}={_plain(v)}" for name, v in chosen if v != defaults[name].default]
    return " ".join([config.tokenizer.name, *told])


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _line(of: TokenStatistics) -> str:
    a_word, words = (
        "-" if value is None else f"{value:.2f}"
        for value in (of.tokens_per_word, of.new_words and 100 * of.new_words)
    )
    cannot = "".join(
        f"{100 * share:>{width}.2f}"
        for share, width in zip(of.unalignable.values(), (10, 8, 8), strict=True)
    )
    return (
        f"{of.vocabulary:>11,}{of.tokens_per_second:>9.2f}{of.bits_per_token:>8.2f}"
        f"{of.bits_per_second:>9.1f}{a_word:>8}{cannot}{100 * of.foreign:>10.2f}{words:>7}"
    )
