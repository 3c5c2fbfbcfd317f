"""Loops side by side: threads inside and after, errors, gradients."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest
import torch

from ds2kit.encoders.fast.threads import WORTH_SHARING, side_by_side, worth_a_thread


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("operations", "share"), [(WORTH_SHARING - 1, 1), (WORTH_SHARING, 2)])
def test_two_loops_share_the_threads(operations: int, share: int) -> None:
    inside: dict[int, int] = {}
    both = threading.Barrier(2, timeout=60)  # passed only where the loops run at once

    def loop(number: int) -> None:
        both.wait()
        inside[number] = torch.get_num_threads()

    side_by_side([lambda: loop(0), lambda: loop(1)], operations)
    assert inside == {0: share, 1: share}
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize(("operations", "inside"), [(WORTH_SHARING - 1, 1), (WORTH_SHARING, 4)])
def test_one_loop_may_have_all_threads(operations: int, inside: int) -> None:
    found = []

    side_by_side([lambda: found.append(torch.get_num_threads())], operations)
    assert found == [inside]
    assert torch.get_num_threads() == 4


def test_loops_of_pythons_need_larger_products() -> None:
    assert worth_a_thread(1, compiled=True)
    assert not worth_a_thread(1, compiled=False)
    assert worth_a_thread(WORTH_SHARING, compiled=False)
    torch.set_num_threads(1)
    assert not worth_a_thread(WORTH_SHARING, compiled=True)


def test_a_forked_child_has_threads_of_its_own() -> None:
    def two() -> list[int]:
        found: list[int] = []
        side_by_side([lambda: found.append(1), lambda: found.append(2)], 1)
        return sorted(found)

    assert two() == [1, 2]
    child = os.fork()
    if child == 0:
        os._exit(0 if two() == [1, 2] else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_leaves_everything_as_it_was(failing: int) -> None:
    interval = sys.getswitchinterval()

    def loop(number: int) -> None:
        if number == failing:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        side_by_side([lambda: loop(0), lambda: loop(1)], 1)
    assert torch.get_num_threads() == 4
    assert sys.getswitchinterval() == interval


def test_both_loops_may_write_where_the_caller_may() -> None:
    """In inference mode, and over a leaf that wants gradients."""
    with torch.inference_mode():
        rows = torch.zeros(2, 3)
        side_by_side([lambda: rows[0].add_(1), lambda: rows[1].add_(2)], 1)
    assert rows.tolist() == [[1.0] * 3, [2.0] * 3]
    weight, out = torch.ones(3, requires_grad=True), torch.zeros(2, 3)
    with torch.no_grad():
        side_by_side([lambda: out[0].add_(weight), lambda: out[1].add_(weight)], 1)
    assert not out.requires_grad
