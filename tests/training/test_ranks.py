"""Ranks change the speed and nothing else: real processes, gloo, float64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXACT = ("trainer.precision=64", "trainer.accelerator=cpu", "trainer.epochs=3")


@pytest.fixture(scope="module")
def alone(
    start: Callable[..., Any], tiny_yaml: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    experiment = tmp_path_factory.mktemp("alone") / "exp"
    status, said = start(tiny_yaml, experiment, *EXACT).end()
    assert status == 0, said
    return experiment


def assert_like_one(
    ranks: int,
    start: Callable[..., Any],
    tiny_yaml: Path,
    alone: Path,
    tmp_path: Path,
    log: Callable[..., Any],
    checkpoints: Callable[..., Any],
) -> None:
    experiment = tmp_path / "exp"
    status, said = start(tiny_yaml, experiment, *EXACT, f"trainer.devices={ranks}").end()
    assert status == 0, said

    one, several = checkpoints(alone).last, checkpoints(experiment).last
    assert one["progress"]["updates"] == several["progress"]["updates"] >= 20
    for name, weight in one["model"].items():
        error = (weight.double() - several["model"][name].double()).abs().max().item()
        assert error <= 1e-8 * max(1.0, weight.double().abs().max().item()), (name, error)
    for key in ("dev_wer", "dev_cer", "dev_utterances"):
        first, second = ([e[key] for e in log(x) if key in e] for x in (alone, experiment))
        assert first == second, key


def test_two_ranks_give_the_weights_of_one(
    start: Callable[..., Any],
    tiny_yaml: Path,
    alone: Path,
    tmp_path: Path,
    log: Callable[..., Any],
    checkpoints: Callable[..., Any],
) -> None:
    assert_like_one(2, start, tiny_yaml, alone, tmp_path, log, checkpoints)


@pytest.mark.slow
def test_three_ranks_give_the_weights_of_one(
    start: Callable[..., Any],
    tiny_yaml: Path,
    alone: Path,
    tmp_path: Path,
    log: Callable[..., Any],
    checkpoints: Callable[..., Any],
) -> None:
    assert_like_one(3, start, tiny_yaml, alone, tmp_path, log, checkpoints)


def test_steps_of_one_utterance_end(
    start: Callable[..., Any], tiny_yaml: Path, tmp_path: Path
) -> None:
    """A step's only utterance is one rank's; the other takes part with nothing."""
    small = ("data.seconds_per_step=1.2", "trainer.epochs=1", "trainer.devices=2")
    status, said = start(tiny_yaml, tmp_path / "exp", *small).end()
    assert status == 0, said
