"""A step that is not finite is as if it had not been; the optimisers are the ones asked for."""

from __future__ import annotations

import copy
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from ds2kit.hooks import hookimpl
from ds2kit.settings import Config, Optimizer
from ds2kit.training import module as training_module
from ds2kit.training.module import make_optimizer
from ds2kit.training.run import train

INJECTED = 5
"""The step whose loss is made infinite, of all that are taken."""


class Witness(pl.Callback):
    """Keeps weights, statistics, optimiser and schedule as they are after each step."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        state = pl_module.model.state_dict(), trainer.optimizers[0].state_dict()["state"]
        self.seen.append((*copy.deepcopy(state), pl_module.progress.done))


@pytest.fixture
def witnessed(
    tiny_config: Callable[..., Config],
    toolkit_with: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Witness, Path]:
    witness, hooks = Witness(), types.ModuleType("witnessing")

    @hookimpl
    def ds2kit_callbacks(config: Config) -> list[pl.Callback]:
        return [witness]

    hooks.ds2kit_callbacks = ds2kit_callbacks  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "witnessing", hooks)
    real, calls = training_module.ctc_losses, iter(range(10**6))

    def injected(*arguments: Any) -> Any:
        losses, aligned = real(*arguments)
        return (losses * float("inf") if next(calls) == INJECTED else losses), aligned

    monkeypatch.setattr(training_module, "ctc_losses", injected)
    toolkit = toolkit_with(hooks)
    train(tiny_config("trainer.epochs=1", toolkit=toolkit), tmp_path / "exp", toolkit)
    return witness, tmp_path / "exp"


def test_an_infinite_loss_is_skipped_whole(
    witnessed: tuple[Witness, Path],
    same: Callable[..., None],
    log: Callable[[Path], list[dict[str, Any]]],
) -> None:
    witness, experiment = witnessed
    before, at, after = witness.seen[INJECTED - 1 : INJECTED + 2]
    same(before, at)
    assert after[2] > at[2]
    assert any(not torch.equal(at[0][name], after[0][name]) for name in at[0])

    steps = [event for event in log(experiment) if event["event"] == "step"]
    skipped = [event["step"] for event in steps if event["skipped"]]
    assert skipped == [INJECTED]
    assert len(steps[INJECTED]["skipped"]) == steps[INJECTED]["utterances"]
    assert steps[-1]["update"] == len(steps) - 1


def test_biases_and_gains_do_not_decay() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    decayed, others = make_optimizer(model, Optimizer(weight_decay=0.5)).param_groups

    assert [p.shape for p in decayed["params"]] == [(2, 3)]
    assert len(others["params"]) == 3
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.5, 0.0)


def test_the_papers_optimiser() -> None:
    settings = Optimizer(name="nesterov", learning_rate=3e-4)
    optimizer = make_optimizer(torch.nn.Linear(3, 2), settings)

    assert isinstance(optimizer, torch.optim.SGD)
    assert all(g["nesterov"] and g["momentum"] == 0.99 for g in optimizer.param_groups)
