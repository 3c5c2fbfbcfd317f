"""A run that is killed and started again ends as the one that nobody touched."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

EPOCHS = 4
OFTEN = ("trainer.epochs=4", "trainer.keep_epochs=2", "trainer.checkpoint_minutes=0.0005")


def steps(events: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(event["epoch"], event["step"]) for event in events if event["event"] == "step"]


def epochs(experiment: Path) -> dict[str, bytes]:
    """What `ds2kit average` reads."""
    return {path.name: path.read_bytes() for path in (experiment / "epochs").iterdir()}


class Killer:
    """Starts a run again and again, and kills it at given steps of the whole training."""

    def __init__(self, start: Callable[..., Any], log: Callable[..., Any], seed: int) -> None:
        self.start, self.log, self.draw = start, log, random.Random(seed)
        self.in_mid_epoch = 0

    def run(self, arguments: tuple[object, ...], kills: list[int], steps_an_epoch: int) -> None:
        for place in kills:
            reached = (place // steps_an_epoch, place % steps_an_epoch)
            run = self.start(*arguments)
            run.wait_for(lambda events, reached=reached: steps(events)[-1:] >= [reached])
            time.sleep(self.draw.uniform(0, 0.05))
            status, said = run.end(signal.SIGKILL)
            assert status == -signal.SIGKILL, said
            assert not run.left(), "a loader worker outlived its parent"
            self.count(Path(str(arguments[1])))
        status, said = self.start(*arguments).end()
        assert status == 0, said

    def count(self, experiment: Path) -> None:
        """Was it in the middle of an epoch past the first, after a checkpoint in that epoch?"""
        progress = torch.load(experiment / "checkpoints" / "last.ckpt")["progress"]
        last = self.log(experiment)[-1]
        in_it = last["event"] == "step" and last["epoch"] == progress["epoch"]
        self.in_mid_epoch += in_it and progress["epoch"] > 0 and progress["step"] > 0


@pytest.fixture
def killed(
    start: Callable[..., Any],
    log: Callable[..., Any],
    same: Callable[..., None],
    checkpoints: Callable[[Path], Any],
    lively: tuple[str, ...],
    undisturbed: Path,
    tiny_yaml: Path,
    tmp_path: Path,
) -> Callable[[int, int], int]:
    """Kills a run so often and compares what it ends with; gives how many kills were hard ones."""

    def compare(kills: int, seed: int) -> int:
        everything = steps(log(undisturbed))
        an_epoch = len(everything) // EPOCHS
        killer = Killer(start, log, seed)
        # Each at least three steps after the one before: between two kills there is a checkpoint.
        thirds = killer.draw.sample(range(2, EPOCHS * an_epoch // 3), kills)
        places = [3 * third for third in thirds]
        killer.run((tiny_yaml, tmp_path / "exp", *lively, *OFTEN), sorted(places), an_epoch)

        one, other = checkpoints(undisturbed), checkpoints(tmp_path / "exp")
        same(one.last, other.last)
        same(one.best, other.best)
        assert len(epochs(undisturbed)) < EPOCHS + 1  # of four, something was removed
        assert epochs(tmp_path / "exp") == epochs(undisturbed)
        assert steps(log(tmp_path / "exp")) == everything
        for key in ("loss", "dev_loss", "update", "learning_rate", "audio_seconds"):
            assert_equal_in_log(log(undisturbed), log(tmp_path / "exp"), key)
        assert not list((tmp_path / "exp").rglob("*.partial"))
        return killer.in_mid_epoch

    return compare


def assert_equal_in_log(one: list[dict[str, Any]], other: list[dict[str, Any]], key: str) -> None:
    assert [e[key] for e in one if key in e] == [e[key] for e in other if key in e], key


def test_two_kills_change_nothing(killed: Callable[[int, int], int]) -> None:
    killed(2, 5)


@pytest.mark.slow
def test_ten_kills_change_nothing(killed: Callable[[int, int], int]) -> None:
    assert killed(10, 1) >= 7
