"""What the tests of training share: runs as processes, toolkits with a test's plugin."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from ds2kit import builtin
from ds2kit import config as configs
from ds2kit.registry import Plugin, Toolkit
from ds2kit.settings import Config

SCRIPT = "from ds2kit.cli.main import main\nmain()\n"

LIVELY = (
    "augment.speed=[0.9, 1.0, 1.1]",
    "augment.waveform=[{name: gain}, {name: noise, share: 0.5}]",
    "augment.features=[{name: spec_augment}]",
    "data.workers=2",
)
"""Everything that draws: what is gone on with must draw the same again."""

PATIENCE = 120.0
"""Seconds after which a run is taken for hung: many times what it needs."""


class Run:
    """`ds2kit train` as a process, in a session of its own as a terminal would start it."""

    def __init__(self, script: Path, arguments: Sequence[object], environment: dict[str, str]):
        self.experiment = Path(str(arguments[1]))
        self.process = subprocess.Popen(
            [sys.executable, str(script), "train", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"} | environment,
        )

    def wait_for(self, reached: Callable[[list[dict[str, Any]]], bool]) -> None:
        """Wait until the log says so, or the run has ended."""
        begun = time.monotonic()
        while self.process.poll() is None and not reached(events(self.experiment)):
            assert time.monotonic() - begun < PATIENCE, self.end(signal.SIGKILL)
            time.sleep(0.002)

    def end(self, *signals: int, group: bool = False) -> tuple[int, str]:
        """Send signals, wait, and give the status and what was said on stderr."""
        for number in signals:
            if group:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said

    def left(self) -> list[int]:
        """Processes of the run's session that are still alive, given a moment to end."""
        for _ in range(100):
            if not (found := _of_session(self.process.pid)):
                return []
            time.sleep(0.02)
        return found


def _of_session(session: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # state, parent, group, session follow the name, which may hold anything.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def events(experiment: Path) -> list[dict[str, Any]]:
    """The whole lines of a log that may just be written."""
    try:
        lines = (experiment / "log.jsonl").read_text().split("\n")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines[:-1] if line.strip()]


@pytest.fixture(scope="session")
def start(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Run]]:
    """Starts `ds2kit train ARGUMENTS...`; what still runs at the end is killed."""
    script = tmp_path_factory.mktemp("script") / "command.py"
    script.write_text(SCRIPT)
    runs: list[Run] = []

    def begin(*arguments: object, environment: dict[str, str] | None = None) -> Run:
        runs.append(Run(script, arguments, environment or {}))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGKILL)
            run.process.communicate()


@dataclass(frozen=True)
class Checkpoint:
    """last.ckpt and best.ckpt as they lie in an experiment."""

    last: dict[str, Any]
    best: dict[str, Any]

    @classmethod
    def of(cls, experiment: Path) -> Checkpoint:
        folder = experiment / "checkpoints"
        return cls(*(torch.load(folder / name) for name in ("last.ckpt", "best.ckpt")))


def assert_same(one: Any, other: Any, path: str = "") -> None:
    """Equal to the last bit, whatever is nested in what."""
    assert type(one) is type(other), path
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, path
        assert torch.equal(one, other), path
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_same(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for i, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same(left, right, f"{path}/{i}")
    else:
        assert one == other, path


@pytest.fixture(scope="session")
def same() -> Callable[..., None]:
    return assert_same


@pytest.fixture(scope="session")
def checkpoints() -> Callable[[Path], Checkpoint]:
    return Checkpoint.of


@pytest.fixture(scope="session")
def log() -> Callable[[Path], list[dict[str, Any]]]:
    return events


@pytest.fixture(scope="session")
def lively() -> tuple[str, ...]:
    return LIVELY


@pytest.fixture(scope="session")
def undisturbed(
    start: Callable[..., Run], tiny_yaml: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The experiment of a run of four epochs with everything that draws, which nobody stopped."""
    experiment = tmp_path_factory.mktemp("undisturbed") / "exp"
    options = ("trainer.epochs=4", "trainer.keep_epochs=2")
    status, said = start(tiny_yaml, experiment, *LIVELY, *options).end()
    assert status == 0, said
    return experiment


@pytest.fixture
def tiny_config(tiny_yaml: Path) -> Callable[..., Config]:
    """The tiny config with overrides, read by a toolkit."""

    def load(*overrides: str, toolkit: Toolkit | None = None) -> Config:
        return configs.load(tiny_yaml, toolkit or Toolkit.installed(), overrides)

    return load


@pytest.fixture
def toolkit_with() -> Callable[..., Toolkit]:
    """The core's toolkit and one hook module more: any object with `ds2kit_...` attributes."""

    def make(module: Any) -> Toolkit:
        core = Plugin("core", "ds2kit", "0", lambda: builtin)
        return Toolkit([core, Plugin("test", "ds2kit-test", "0", lambda: module)])

    return make
