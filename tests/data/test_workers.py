"""The processes that make batches: what they are, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ds2kit.audio.write import wav
from ds2kit.components import WaveformAugmentation
from ds2kit.data.batches import Loader, Selection, Steps
from ds2kit.data.index import Index
from ds2kit.data.plan import once
from ds2kit.data.shards import write_split
from ds2kit.errors import UserError
from ds2kit.text.char import Char
from ds2kit.types import Utterance

RATE = 8000


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("data") / "train"
    noise = 0.1 * np.random.default_rng(1).standard_normal(2000)
    said = [Utterance(f"u{i}", wav(noise, RATE), "abc") for i in range(12)]
    return write_split(folder, said, made_from={})


def steps_of(index: Index, augmentations: Sequence[WaveformAugmentation]) -> Steps:
    plan = once(index.seconds, seconds_per_step=1.0)
    return Steps(
        Selection.of(index), plan, Char("abc"), sample_rate=RATE, augmentations=augmentations
    )


class Spy(WaveformAugmentation):
    """Refuses, with what it sees of the worker it runs in."""

    def __init__(self, sample_rate: int) -> None:
        pass

    def __call__(
        self, waveform: NDArray[np.float32], generator: np.random.Generator
    ) -> NDArray[np.float32]:
        ignores = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        raise UserError(f"threads {torch.get_num_threads()}, ignores {ignores}")


def test_a_worker_has_one_thread_and_leaves_interrupts_to_its_parent(index: Index) -> None:
    with pytest.raises(UserError, match="threads 1, ignores True"):
        list(Loader(steps_of(index, [Spy(RATE)]), workers=1))


class Fatal(Spy):
    """Takes its worker's life, as the kernel does where memory runs out."""

    def __call__(
        self, waveform: NDArray[np.float32], generator: np.random.Generator
    ) -> NDArray[np.float32]:
        os.kill(os.getpid(), signal.SIGKILL)
        return waveform


def test_a_killed_worker_is_told_with_the_remedy(index: Index) -> None:
    with pytest.raises(UserError, match=r"a worker .* was killed.*data\.workers"):
        list(Loader(steps_of(index, [Fatal(RATE)]), workers=1))


ORPHANS = """
import sys, time
from pathlib import Path
from ds2kit.data.batches import Loader, Selection, evaluation_steps
from ds2kit.data.index import Index
from ds2kit.text.char import Char
import multiprocessing

index = Index.load(Path(sys.argv[1]))
steps = evaluation_steps(
    Selection.of(index), Char("abc "), sample_rate=8000, seconds_per_step=0.1
)
batches = iter(Loader(steps, workers=2))
next(batches)
print(*[child.pid for child in multiprocessing.active_children()], flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
def test_workers_die_with_their_parent(index: Index) -> None:
    command = [sys.executable, "-c", ORPHANS, str(index.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 3
    while any(map(running, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def running(pid: int) -> bool:
    """Whether a process is there and not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
