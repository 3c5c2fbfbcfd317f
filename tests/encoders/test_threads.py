"""Threads inside and after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from ds2kit.encoders.threads import WORTH_SHARING, threads_for


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("operations", "inside"), [(WORTH_SHARING - 1, 1), (WORTH_SHARING, 2)])
def test_small_products_have_one_thread(operations: int, inside: int) -> None:
    with threads_for(operations):
        assert torch.get_num_threads() == inside
    assert torch.get_num_threads() == 2


def test_an_error_leaves_the_threads_as_they_were() -> None:
    with pytest.raises(ZeroDivisionError), threads_for(1):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2
