"""Work in forked processes: all of it, whatever their number, and no process left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.decoding.workers import Workers
from ds2kit.errors import UserError

PATIENCE = 60.0


def gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{process}/stat").read_text().split()[2] == "Z"


def eventually(true: Callable[[], bool]) -> bool:
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > PATIENCE:
            return False
        time.sleep(0.01)
    return True


@settings(max_examples=15)
@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=5), st.integers(0, 3))
def test_everything_is_done_once_whatever_the_workers(drawn: list[list[int]], count: int) -> None:
    batches = [
        [(f"{i}/{j}", number) for j, number in enumerate(batch)] for i, batch in enumerate(drawn)
    ]

    with Workers(lambda number: number * number, count) as workers:
        found = sorted(workers.map(batches))

    assert found == sorted((key, number**2) for batch in batches for key, number in batch)


def test_workers_are_used_again() -> None:
    with Workers(lambda number: number + 1, 2) as workers:
        turns = [dict(workers.map([[("a", turn), ("b", 10 * turn)]])) for turn in range(5)]

    assert turns == [{"a": turn + 1, "b": 10 * turn + 1} for turn in range(5)]


def test_they_work_in_processes_of_their_own() -> None:
    def where(_: int) -> int:
        time.sleep(0.1)  # so that one alone would not have done it all
        return os.getpid()

    with Workers(where, 2) as workers:
        processes = {process for _, process in workers.map([[(str(i), i) for i in range(6)]])}

    assert len(processes) == 2
    assert os.getpid() not in processes
    assert all(gone(process) for process in processes)
    with Workers(where, 0) as alone:
        assert dict(alone.map([[("a", 0)]])) == {"a": os.getpid()}


def test_what_was_loaded_before_is_there() -> None:
    """Nothing is pickled to a worker but the tasks: neither what it does nor what that knows."""
    loaded = {"pipe": multiprocessing.Pipe(), "function": lambda word: len(word)}

    with Workers(lambda word: loaded["function"](word), 1) as workers:  # type: ignore[operator]
        assert list(workers.map([[("a", "four")]])) == [("a", 4)]


def test_large_tasks_and_results_do_not_wait_for_each_other() -> None:
    """More than a pipe holds, both ways."""
    sound = np.ones((1000, 500), dtype=np.float32)

    with Workers(lambda given: given * 2, 2) as workers:
        found = list(workers.map([[(str(i), sound * i) for i in range(8)]]))

    assert all((result == 2 * int(key)).all() for key, result in found)


def test_torch_computes_in_a_worker_after_it_has_in_this_process() -> None:
    """Its threads are not there in a child, which must not wait for them."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        large = torch.randn(1000, 1000)
        expected = float((large @ large).log_softmax(1).sum())
        with Workers(lambda _: float((large @ large).log_softmax(1).sum()), 2) as workers:
            found = dict(workers.map([[("a", 0), ("b", 1)]]))
    finally:
        torch.set_num_threads(before)

    assert found == {"a": pytest.approx(expected), "b": pytest.approx(expected)}


def test_two_batches_at_most_are_in_memory() -> None:
    asked: list[int] = []

    def batches() -> Iterator[list[tuple[str, int]]]:
        for i in range(6):
            asked.append(i)
            yield [(f"{i}/{j}", i) for j in range(4)]

    done = 0
    with Workers(lambda task: task, 2) as workers:
        for _ in workers.map(batches()):
            done += 1
            assert len(asked) <= done // 4 + 2


def test_the_next_batch_is_made_beside_the_work() -> None:
    """While the first is worked on, the second is asked for."""
    asked = []

    def batches() -> Iterator[list[tuple[str, float]]]:
        yield [("a", 0.5)]
        asked.append(time.monotonic())
        yield [("b", 0.0)]

    def wait(seconds: float) -> float:
        time.sleep(seconds)
        return time.monotonic()

    with Workers(wait, 1) as workers:
        ended = dict(workers.map(batches()))

    assert asked[0] < ended["a"]


def fail(task: str) -> str:
    if task == "wrong":
        raise UserError("the lexicon has no words; make another")
    if task == "broken":
        raise ZeroDivisionError("division\nby zero")
    if task == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return task


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("wrong", "utterance 'k/2': the lexicon has no words; make another"),
        (
            "broken",
            "utterance 'k/2': it could not be decoded (ZeroDivisionError: division)",
        ),
    ],
)
def test_a_failure_is_one_line_with_the_key(count: int, task: str, told: str) -> None:
    with pytest.raises(UserError) as failed, Workers(fail, count) as workers:
        list(workers.map([[("k/1", "good"), ("k/2", task), ("k/3", "good")]]))

    assert str(failed.value) == told


def test_a_defect_shows_where_it_is() -> None:
    with pytest.raises(UserError) as failed, Workers(fail, 1) as workers:
        list(workers.map([[("a", "broken")]]))

    assert 'raise ZeroDivisionError("division\\nby zero")' in str(failed.value.__cause__)


@pytest.mark.parametrize("count", [1, 2])
def test_a_killed_worker_is_told_of_and_hangs_nobody(count: int) -> None:
    with pytest.raises(UserError) as failed, Workers(fail, count) as workers:
        list(workers.map([[("a", "killed"), *((str(i), "good") for i in range(50))]]))

    assert "utterance 'a': the process that decoded it was killed" in str(failed.value)
    assert "lower --workers" in str(failed.value)


def test_a_worker_killed_while_it_has_nothing_to_do() -> None:
    with Workers(lambda _: os.getpid(), 1) as workers:
        [(_, process)] = workers.map([[("a", 0)]])
        os.kill(process, signal.SIGKILL)
        with pytest.raises(UserError, match="utterance 'b': the process that decoded it"):
            list(workers.map([[("b", 0)]]))


def test_an_interrupt_is_heard_while_workers_work() -> None:
    begun = time.monotonic()

    def impatient() -> None:
        if time.monotonic() - begun > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Workers(time.sleep, 2) as workers:
        list(workers.map([[("a", 600.0), ("b", 600.0), ("c", 600.0)]], impatient))

    assert time.monotonic() - begun < PATIENCE
    assert not multiprocessing.active_children()


def test_workers_ignore_interrupts() -> None:
    def work(_: int) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "alive"

    with Workers(work, 1) as workers:
        assert dict(workers.map([[("a", 0)]])) == {"a": "alive"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere they notice when they next listen")
def test_they_die_with_this_process() -> None:
    code = """
import os, time
from ds2kit.decoding.workers import Workers
with Workers(lambda _: print(os.getpid(), flush=True) or time.sleep(600), 2) as workers:
    list(workers.map([[("a", 0), ("b", 0)]]))
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    children = [int(parent.stdout.readline()) for _ in range(2)]

    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert eventually(lambda: all(gone(child) for child in children))
