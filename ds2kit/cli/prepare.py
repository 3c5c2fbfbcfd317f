"""`ds2kit prepare`: a corpus to shards and index."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from ds2kit.data.prepare import Prepared


@click.command("prepare")
@click.argument("prepare_py", metavar="PREPARE.py", type=click.Path(path_type=Path))
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@click.argument("options", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--part", metavar="3/16", help="Write only that part of each split.")
@click.option("--join", is_flag=True, help="Make the splits of their parts.")
@click.option(
    "--on-bad",
    type=click.Choice(["refuse", "skip"]),
    default="refuse",
    show_default=True,
    help="What to do where audio is missing or broken, a key is empty or not unique, or PREPARE.py "
    "found a problem.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Threads that decode; one a core by default."
)
def command(
    prepare_py: Path,
    data: Path,
    options: tuple[str, ...],
    part: str | None,
    join: bool,
    on_bad: Literal["refuse", "skip"],
    workers: int | None,
) -> None:
    """Write the splits of a recipe to DATA/SPLIT as shards and an index.

    PREPARE.py defines `splits`; KEY=VALUE sets one of its options. A split that is there already
    stays as it is. With --part on several machines, --join comes last, on one of them.
    """
    from ds2kit.data import prepare as preparing
    from ds2kit.data.recipe import loaded
    from ds2kit.errors import UserError

    if part and join:
        raise UserError("--part and --join exclude each other; join when all parts are there")
    chosen = preparing.Part.parse(part) if part else None
    with loaded(prepare_py) as recipe:
        values = recipe.options(options)
        if join:
            splits = preparing.join(recipe, data, values)
        else:
            splits = preparing.prepare(
                recipe,
                data,
                values,
                part=chosen,
                on_bad=on_bad,
                workers=workers or os.cpu_count() or 1,
                progress=_Counter,
                warn=_warn,
            )
        for split in splits:
            _clear()
            click.echo(_summary(split, part))


def _summary(split: Prepared, part: str | None) -> str:
    """What a split holds, on one line."""
    name = f"{split.name}, part {part}" if part else split.name
    held = f"{split.utterances} utterances, {split.hours:.2f} h, {split.speakers} speakers"
    skipped = f", {split.skipped} bad ones left out" if split.skipped else ""
    there = "" if split.made else " (was there already)"
    return f"{name}: {held}{skipped}{there}"


def _warn(line: str) -> None:
    _clear()
    click.echo(line, err=True)


def _clear() -> None:
    """Take the counter's line away."""
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)


class _Counter:
    """How far a split is, on stderr: one line that changes, or in a log a line now and then."""

    def __init__(self, split: str) -> None:
        self._split = split
        self._on_terminal = sys.stderr.isatty()
        self._every = 0.1 if self._on_terminal else 30.0
        self._last = time.monotonic()

    def __call__(self, stage: str, done: int) -> None:
        if time.monotonic() - self._last < self._every:
            return
        self._last = time.monotonic()
        start = "\r" if self._on_terminal else ""
        line = f"{start}{self._split}: {done} utterances {stage}"
        click.echo(line, err=True, nl=not self._on_terminal)
