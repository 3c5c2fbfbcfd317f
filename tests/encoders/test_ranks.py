"""Two processes do what one does with the joined batch, forward and backward."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

SCRIPT = Path(__file__).with_name("rank.py")

Results = dict[str, dict[str, Tensor]]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("rank", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RANK = load(SCRIPT)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[Results]:
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, str(SCRIPT)]
    arguments = ["2", str(folder / "meeting"), str(folder)]
    running = [subprocess.Popen([*command, str(rank), *arguments]) for rank in range(2)]
    try:
        assert [process.wait(timeout=100) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("share", RANK.SHARES)
def test_two_ranks_are_one(share: str, two: list[Results]) -> None:
    first, second = (results[share] for results in two)
    joined = RANK.run([number for numbers in RANK.SHARES[share] for number in numbers])

    assert any(name.startswith("buffer") for name in joined)
    for name, expected in joined.items():
        if name.startswith("gradient"):
            found = [first[name] + second[name]]
        else:
            found = [results[name] for results in (first, second) if name in results]
        assert found, name
        for value in found:
            torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-9, msg=name)
