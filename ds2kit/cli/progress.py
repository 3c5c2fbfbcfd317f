"""A bar on stderr, where somebody watches, and Ctrl-C between two pieces of work."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

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


@contextmanager
def held_interrupts() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back until the function is called that this gives, which raises it.

    Amid a batch it would leave workers talking to nobody. A second one is not held back.
    """
    heard = False

    def hold(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        heard = True
        signal.signal(number, before)

    def let_out() -> None:
        if heard:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, hold)
    try:
        yield let_out
    finally:
        signal.signal(signal.SIGINT, before)
