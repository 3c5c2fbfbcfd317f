"""How many threads a loop of many products is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

WORTH_SHARING = 20_000_000
"""Operations of one product from which several threads win: below, waking them costs more."""


@contextmanager
def threads_for(operations: int) -> Iterator[None]:
    """One thread inside where a product has few operations; as many as there were afterwards."""
    before = torch.get_num_threads()
    if before == 1 or operations >= WORTH_SHARING:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
