"""`ds2kit describe` of a yaml, a model and an experiment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_a_yaml_a_model_and_an_experiment_are_described_alike(
    ds2kit: Callable[..., Any], tiny_yaml: Path, tiny_experiment: Path
) -> None:
    described = [
        ds2kit("describe", source)
        for source in (tiny_yaml, tiny_experiment, tiny_experiment / "model")
    ]

    assert {ran.status for ran in described} == {0}
    assert described[0].out == described[1].out == described[2].out
    assert "convolution 1" in described[0].out


def test_overrides_are_of_a_yaml(
    ds2kit: Callable[..., Any], tiny_yaml: Path, tiny_experiment: Path
) -> None:
    wider = ds2kit("describe", tiny_yaml, "encoder.width=32")
    refused = ds2kit("describe", tiny_experiment, "encoder.width=32")

    assert " x 32 " in wider.out
    assert " x 32 " not in ds2kit("describe", tiny_yaml).out
    assert refused.status == 1
    assert "is trained, 'encoder.width=32' cannot change it" in refused.err


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("encoder.widht=3", "did you mean 'width'"),
        ("encoder.layers=9", "layers is 9; it takes 1 to 7"),
        ("frontend={name: log_spectrogram, step_ms: 0.3}", "whole number of samples"),
    ],
)
def test_what_cannot_be_built_is_one_line(
    ds2kit: Callable[..., Any], tiny_yaml: Path, override: str, told: str
) -> None:
    ran = ds2kit("describe", tiny_yaml, override)

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert told in ran.err
