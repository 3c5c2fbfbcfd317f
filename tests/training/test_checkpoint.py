"""Checkpoints hold tensors and numbers, appear whole, and run nothing."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ds2kit.errors import UserError
from ds2kit.training import checkpoint
from ds2kit.training.progress import Progress


def state(size: int = 4) -> dict[str, object]:
    return {
        "model": {"weight": torch.arange(float(size))},
        "optimizer": {},
        "progress": checkpoint.progress_state(Progress(epoch=3, step=7, done=0.25)),
        "precision": {},
        "indexes": [],
        "tokens": ["", "a"],
    }


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last.ckpt", state())
    found = checkpoint.load(tmp_path / "last.ckpt")

    assert torch.equal(found["model"]["weight"], torch.arange(4.0))
    assert checkpoint.restore_progress(found) == Progress(epoch=3, step=7, done=0.25)
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_code_is_not_run(tmp_path: Path, how: str) -> None:
    path, proof = tmp_path / "last.ckpt", tmp_path / "proof"
    hostile = {**state(), "format": 1, "extra": Hostile(proof)}
    if how == "torch":
        torch.save(hostile, path)
    else:
        path.write_bytes(pickle.dumps(hostile))

    with pytest.raises(UserError, match=r"last\.ckpt is damaged or no checkpoint"):
        checkpoint.load(path)
    assert not proof.exists()


def test_cut_off_at_any_place(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    checkpoint.save(path, state())
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"last\.ckpt is damaged"):
            checkpoint.load(path)


def test_of_a_later_format_or_without_a_part(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({**state(), "format": 99}, path)
    with pytest.raises(UserError, match="is of format 99; this ds2kit reads up to 1"):
        checkpoint.load(path)
    lacking = {name: part for name, part in state().items() if name != "optimizer"}
    checkpoint.save(path, lacking)
    with pytest.raises(UserError, match="it lacks optimizer"):
        checkpoint.load(path)


FULL = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import torch
from ds2kit.errors import UserError
from ds2kit.training import checkpoint
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    checkpoint.save(Path(sys.argv[1]), {"model": {"weight": torch.zeros(100_000)}})
except UserError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    checkpoint.save(path, state())
    before = path.read_bytes()
    where = str(Path(checkpoint.__file__).parents[2])

    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(path), where], capture_output=True, text=True
    )

    assert "could not be written" in ran.stdout, ran.stderr
    assert len(ran.stdout.splitlines()) == 1
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["last.ckpt"]
