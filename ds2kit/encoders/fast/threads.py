"""Loops of many small products, side by side on the cores there are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache

import torch

WORTH_SHARING = 20_000_000
"""Operations of one product from which several threads win: below, waking them costs more."""

WORTH_A_THREAD = 5_000_000
"""Operations of one product from which a loop of them in Python gains by a thread of its own:
below, loops in several threads wait for the interpreter."""

SWITCH_SECONDS = 1e-5
"""How long a loop may keep the interpreter to itself while another waits for it."""


def worth_a_thread(operations: int, compiled: bool) -> bool:
    """Whether loops, with products of so many operations each, are faster side by side.

    compiled: they are not Python's
    """
    return torch.get_num_threads() > 1 and (compiled or operations >= WORTH_A_THREAD)


def side_by_side(loops: Sequence[Callable[[], None]], operations: int) -> None:
    """Run loops at once, each in a thread of its own with its share of torch's threads.

    operations: of one product of a loop; where it has few, one of torch's threads does it alone
    """
    share = max(1, torch.get_num_threads() // len(loops)) if operations >= WORTH_SHARING else 1
    with _threads(share):
        if len(loops) == 1:
            loops[0]()
            return
        inference = torch.is_inference_mode_enabled()
        with _fast_switching():
            others = _others(os.getpid(), len(loops) - 1)
            running = [others.submit(_run, loop, inference, share) for loop in loops[1:]]
            try:
                loops[0]()
            finally:
                wait(running)
            for future in running:
                future.result()


@cache
def _others(process: int, count: int) -> ThreadPoolExecutor:
    """Threads that stay: what libraries keep for each thread is made once. A child that was
    forked has none of them, and makes its own.
    """
    return ThreadPoolExecutor(count, thread_name_prefix="ds2kit")


def _run(loop: Callable[[], None], inference: bool, threads: int) -> None:
    """What torch knows about gradients, and MKL about threads, they know by thread."""
    torch.set_num_threads(threads)
    with torch.inference_mode(inference), torch.no_grad():
        loop()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    if count == before:
        yield
        return
    torch.set_num_threads(count)  # threads that begin now have as many
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _fast_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
