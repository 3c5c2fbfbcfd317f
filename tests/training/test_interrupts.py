"""Ctrl-C and SIGTERM: the step is finished and saved, no process is left, the command goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest

EPOCHS = "trainer.epochs=4"
STATUS = 130


def in_epoch(epoch: int, step: int) -> Callable[[list[dict[str, Any]]], bool]:
    return lambda events: any(
        event["event"] == "step" and (event["epoch"], event["step"]) >= (epoch, step)
        for event in events
    )


def test_ctrl_c_in_a_terminal_and_the_same_command_goes_on(
    start: Callable[..., Any],
    same: Callable[..., None],
    checkpoints: Callable[[Path], Any],
    lively: tuple[str, ...],
    undisturbed: Path,
    tiny_yaml: Path,
    tmp_path: Path,
) -> None:
    arguments = (tiny_yaml, tmp_path / "exp", *lively, EPOCHS)
    for number, step in ((signal.SIGINT, 3), (signal.SIGTERM, 9)):
        run = start(*arguments)
        run.wait_for(in_epoch(1, step))
        status, said = run.end(number, group=True)

        assert status == STATUS, said
        assert run.left() == []
        assert said.splitlines()[-1] == "stopped; run the same command again to go on"
        assert "Traceback" not in said

    status, said = start(*arguments).end()

    assert status == 0, said
    assert said.startswith("going on in epoch ")
    same(checkpoints(undisturbed).last, checkpoints(tmp_path / "exp").last)
    same(checkpoints(undisturbed).best, checkpoints(tmp_path / "exp").best)


def test_ctrl_c_before_the_first_step(
    start: Callable[..., Any], tiny_yaml: Path, tmp_path: Path
) -> None:
    run = start(tiny_yaml, tmp_path / "exp", "data.workers=2")
    run.wait_for(lambda events: bool(events))  # the start is logged before Lightning begins
    status, said = run.end(signal.SIGINT, group=True)

    assert status == STATUS, said
    assert "Traceback" not in said
    assert run.left() == []


class Nudge(pl.Callback):
    """Sends this process signals at a moment of the training."""

    def __init__(self, moment: str, *signals: int) -> None:
        self.signals = list(signals)
        setattr(self, moment, self.send)

    def send(self, *_: Any) -> None:
        while self.signals:
            signal.raise_signal(self.signals.pop(0))


@pytest.fixture
def nudged(
    tiny_config: Callable[..., Any], toolkit_with: Callable[..., Any], tmp_path: Path
) -> Callable[..., list[str]]:
    """Trains in this process with a callback that sends signals; gives what was said."""
    from ds2kit.hooks import hookimpl
    from ds2kit.training.run import train

    def run(moment: str, *signals: int) -> list[str]:
        class Hooks:
            @staticmethod
            @hookimpl
            def ds2kit_callbacks() -> list[Nudge]:
                return [Nudge(moment, *signals)] if signals else []

        said: list[str] = []
        toolkit = toolkit_with(Hooks)
        config = tiny_config("trainer.epochs=2", toolkit=toolkit)
        train(config, tmp_path / "exp", toolkit, tell=said.append)
        return said

    return run


@pytest.mark.parametrize("moment", ["on_train_start", "on_train_batch_start", "on_train_epoch_end"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_at_any_moment_and_goes_on(
    nudged: Callable[..., list[str]], moment: str, number: int
) -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt):
        nudged(moment, number)

    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before
    said = nudged(moment)
    assert said[0].startswith("going on in epoch 1, step ")
    assert said[-1].startswith("finished")


def test_interrupted_dev_loses_one_step(
    nudged: Callable[..., list[str]], tmp_path: Path, log: Callable[[Path], list[dict[str, Any]]]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        nudged("on_train_epoch_end", signal.SIGINT)
    last = [event for event in log(tmp_path / "exp") if event["event"] == "step"][-1]

    assert nudged("")[0] == f"going on in epoch 1, step {last['step']}"


def test_a_second_ctrl_c_ends_at_once(nudged: Callable[..., list[str]], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        nudged("on_train_batch_start", signal.SIGINT, signal.SIGINT)

    assert not (tmp_path / "exp" / "checkpoints").exists()
    assert nudged("")[-1].startswith("finished")
