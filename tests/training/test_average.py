"""The mean of an experiment's epochs is a model like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from ds2kit import model_folder
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.training.average import Choice, average, mean
from ds2kit.training.run import train
from ds2kit.types import Padded


@pytest.mark.parametrize("choice", ["last", "best"])
def test_is_what_numpy_says(undisturbed: Path, tmp_path: Path, choice: Choice) -> None:
    chosen = average(undisturbed, tmp_path / "mean", Toolkit.installed(), choice)
    found = load_file(tmp_path / "mean" / "weights.safetensors")
    files = [undisturbed / "epochs" / f"{epoch:03}.safetensors" for epoch in chosen]
    states = [load_file(file) for file in files]

    assert len(chosen) == 2
    assert found.keys() == states[0].keys()
    for name, value in found.items():
        every = np.stack([state[name] for state in states])
        if value.dtype == np.float32:
            assert np.array_equal(value, every.mean(axis=0, dtype=np.float64).astype("f4")), name
        else:
            assert np.array_equal(value, every[-1]), name
    assert {str(value.dtype) for value in found.values()} == {"float32", "int64"}
    assert any((states[0][n] != states[1][n]).any() for n in found if "running" in n)


def test_hears_and_trains_on(
    undisturbed: Path, tmp_path: Path, tiny_config: Callable[..., Config]
) -> None:
    toolkit = Toolkit.installed()
    average(undisturbed, tmp_path / "mean", toolkit, "last", 2)

    model, _ = model_folder.load(tmp_path / "mean", toolkit)
    with torch.no_grad():
        output = model(Padded(torch.randn(2, 4000), torch.tensor([4000, 3000])))
    said: list[str] = []
    config, tuned = tiny_config("trainer.epochs=1"), tmp_path / "tuned"
    train(config, tuned, toolkit, init=tmp_path / "mean", tell=said.append)

    assert torch.isfinite(output.values).all()
    assert said[0].endswith("new: none")


def test_sums_in_float64() -> None:
    values = [2.0**25, 1.0, 1.0, 2.0]  # in float32 the last three would be lost

    assert mean({"w": torch.tensor(value)} for value in values)["w"].item() == 2**23 + 1


def test_what_does_not_differ_stays_to_the_bit() -> None:
    state = {"w": torch.randn(1000), "n": torch.tensor(3)}

    for count in range(1, 12):
        found = mean([state] * count)
        assert torch.equal(found["w"], state["w"])
        assert found["w"].dtype == torch.float32
        assert torch.equal(found["n"], state["n"])
