"""A bar on stderr, where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def audio_bar(seconds: float, label: str) -> Iterator[Callable[[float], None]]:
    """A bar over so many seconds of audio; gives what is to be told of each piece."""
    if not sys.stderr.isatty():
        yield lambda piece: None
        return
    with click.progressbar(length=max(1, round(seconds)), label=label, file=sys.stderr) as bar:
        reached = 0.0

        def done(piece: float) -> None:
            nonlocal reached
            bar.update(round(reached + piece) - round(reached))
            reached += piece

        yield done
