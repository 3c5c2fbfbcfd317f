"""Decoding in several processes: what was loaded before they are forked, all of them have."""

from __future__ import annotations

import gc
import multiprocessing
import os
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

import torch

from ds2kit.data.batches import begin_worker
from ds2kit.errors import UserError

Task = TypeVar("Task")
Result = TypeVar("Result")

POLL_SECONDS = 0.1
"""How long an interrupt may have to wait while no worker answers."""


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def before_threads() -> Iterator[None]:
    """Inside, torch starts no threads: for what is made, such as a decoder, before workers are."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class Workers(Generic[Task, Result]):
    """Processes that do the same with whatever utterance they are given, in any order.

    They are forked from this process as it is: a language model that it has loaded is there once,
    for all of them. Make it inside `before_threads`: torch's threads do not live on in a child.
    They ignore interrupts, which are this process's to handle, and die with it.

    work:  what is done with each task; what it gives is pickled
    count: processes; 0 does the work in this one
    """

    def __init__(self, work: Callable[[Task], Result], count: int) -> None:
        self._work = work
        self._tasks: queue.SimpleQueue[tuple[str, Task] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._processes: list[tuple[BaseProcess, Connection]] = []
        self._threads: list[threading.Thread] = []
        # The garbage collector of a child would write to, and so copy, all that it looks at.
        gc.freeze()
        try:
            for _ in range(count):
                self._processes.append(_fork(work))
        except BaseException:
            self.close()
            raise
        finally:
            gc.unfreeze()

    def __enter__(self) -> Workers[Task, Result]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def map(
        self,
        batches: Iterable[Sequence[tuple[str, Task]]],
        between: Callable[[], None] = lambda: None,
    ) -> Iterator[tuple[str, Result]]:
        """The key and the result of each task, as they come.

        A batch is asked for when all but one batch are done: so the one that makes them works
        beside those who take them, and two batches are in memory at most.

        batches: of (key of an utterance, task)
        between: called often, so that an interrupt is heard
        Raises UserError, with the key, where a task fails or its worker dies; the rest is lost.
        """
        unfinished = 0
        for batch in batches:
            between()
            for key, task in batch:
                self._begin(key, task)
            unfinished += len(batch)
            beside = len(batch) if self._processes else 0
            while unfinished > beside or not self._answers.empty():
                yield self._answer(between)
                unfinished -= 1
        for _ in range(unfinished):
            yield self._answer(between)

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        for process, _ in self._processes:
            process.kill()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        for process, connection in self._processes:
            process.join()
            connection.close()
        self._processes, self._threads = [], []

    def _begin(self, key: str, task: Task) -> None:
        self._tasks.put((key, task))
        if not self._threads:
            # Not before: threads and forks, such as a loader's, do not go well together.
            self._threads = [
                threading.Thread(target=self._serve, args=(connection,), daemon=True)
                for _, connection in self._processes
            ]
            for thread in self._threads:
                thread.start()

    def _answer(self, between: Callable[[], None]) -> tuple[str, Result]:
        if not self._processes:
            return self._alone(between)
        while True:
            between()
            try:
                key, answer = self._answers.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            if isinstance(answer, _Failure):
                raise answer.told(key)
            return key, answer

    def _alone(self, between: Callable[[], None]) -> tuple[str, Result]:
        between()
        named = self._tasks.get()
        assert named is not None, "only `close` says that nothing follows"
        key, task = named
        try:
            return key, self._work(task)
        except Exception as error:
            raise _Failure.of(error).told(key) from error

    def _serve(self, connection: Connection) -> None:
        """One worker's thread in this process: a task there, its answer back, one at a time."""
        while (named := self._tasks.get()) is not None:
            key, task = named
            try:
                connection.send(task)
                self._answers.put((key, connection.recv()))
            except (EOFError, OSError):
                self._answers.put((key, _Failure(KILLED)))
                return


KILLED = (
    "the process that decoded it was killed, as happens when memory runs out; "
    "lower --workers, or give it more"
)


@dataclass(frozen=True)
class _Failure:
    """What went wrong with a task, and where if it is nobody's mistake but the program's."""

    message: str
    where: str = ""

    @classmethod
    def of(cls, error: Exception) -> _Failure:
        if isinstance(error, UserError):
            return cls(str(error))
        reason = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        return cls(f"it could not be decoded ({reason})", traceback.format_exc())

    def told(self, key: str) -> UserError:
        error = UserError(f"utterance {key!r}: {self.message}")
        if self.where:
            error.__cause__ = _InWorker(self.where)
        return error


class _InWorker(Exception):
    """A worker's traceback, for --debug."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _fork(work: Callable[[Any], Any]) -> tuple[BaseProcess, Connection]:
    forking = multiprocessing.get_context("fork")
    ours, theirs = forking.Pipe()
    process = forking.Process(target=_work, args=(work, theirs), daemon=True)
    # Held back until the child has said that an interrupt is none of its business.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    # Held by the child alone, it is closed when that dies.
    theirs.close()
    return process, ours


def _work(work: Callable[[Any], Any], connection: Connection) -> None:
    begin_worker()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            answer = work(task)
        except Exception as error:
            answer = _Failure.of(error)
        connection.send(answer)
