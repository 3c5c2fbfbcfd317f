"""Loops of many small products, side by side on the cores there are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import torch

WORTH_SHARING = 20_000_000
"""Operations of one product from which several threads win: below, waking them costs more."""

WORTH_A_THREAD = 5_000_000
"""Operations of one product from which a loop of them gains by a thread of its own: below, loops
in several threads wait for the interpreter."""

SWITCH_SECONDS = 1e-5
"""How long a loop may keep the interpreter to itself while another waits for it."""


def worth_a_thread(operations: int) -> bool:
    """Whether loops, with products of so many operations each, are faster side by side."""
    return torch.get_num_threads() > 1 and operations >= WORTH_A_THREAD


def side_by_side(loops: Sequence[Callable[[], None]], operations: int) -> None:
    """Run loops at once, each in a thread of its own with its share of torch's threads.

    operations: of one product of a loop; where it has few, one of torch's threads does it alone.
        A loop that is alone has all of torch's threads, and `threads_for`
    """
    if len(loops) == 1:
        loops[0]()
        return
    share = max(1, torch.get_num_threads() // len(loops))
    with _threads(share if operations >= WORTH_SHARING else 1):
        inference = torch.is_inference_mode_enabled()
        with _fast_switching(), ThreadPoolExecutor(len(loops) - 1) as others:
            running = [others.submit(_run, loop, inference) for loop in loops[1:]]
            loops[0]()
            for future in running:
                future.result()


def threads_for(operations: int) -> AbstractContextManager[None]:
    """Inside, one thread where a product has few operations."""
    return _threads(1 if operations < WORTH_SHARING else torch.get_num_threads())


def _run(loop: Callable[[], None], inference: bool) -> None:
    """What torch knows about gradients, it knows by thread."""
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
