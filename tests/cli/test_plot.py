"""`ds2kit plot` from the outside."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PNG = b"\x89PNG\r\n\x1a\n"


def test_draws_curves_and_an_utterance(ds2kit: Callable[..., Any], experiment: Path) -> None:
    ran = ds2kit("plot", experiment)

    curves, utterance = experiment / "plots" / "curves.png", experiment / "plots" / "utterance.png"
    assert (ran.status, ran.out, ran.err) == (0, f"{curves}\n{utterance}\n", "")
    assert curves.read_bytes()[:8] == utterance.read_bytes()[:8] == PNG


def test_any_utterance_of_any_split_can_be_drawn(
    ds2kit: Callable[..., Any], experiment: Path
) -> None:
    ds2kit("plot", experiment)
    before = (experiment / "plots" / "utterance.png").read_bytes()

    ran = ds2kit("plot", experiment, "--split", "test", "--key", "test/003")

    assert ran.status == 0
    assert (experiment / "plots" / "utterance.png").read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--split", "tset"], "did you mean 'test'"),
        (["--key", "dev/03"], "no utterance 'dev/03'; did you mean 'dev/003'?"),
    ],
)
def test_what_is_not_there_is_one_line(
    ds2kit: Callable[..., Any], experiment: Path, arguments: list[str], told: str
) -> None:
    ran = ds2kit("plot", experiment, *arguments)

    assert ran.status == 1
    assert ran.err.count("\n") == 1
    assert told in ran.err
    assert not (experiment / "plots" / "utterance.png").exists()


def test_before_the_first_step_there_is_nothing_to_draw(
    ds2kit: Callable[..., Any], experiment: Path
) -> None:
    (experiment / "log.jsonl").write_text(json.dumps({"event": "start", "at": [0, 0]}) + "\n")

    ran = ds2kit("plot", experiment)

    assert (ran.status, ran.out) == (1, "")
    assert "log.jsonl has no steps yet; train first" in ran.err
    assert not (experiment / "plots").exists()


def test_a_full_disk_leaves_nothing(ds2kit: Callable[..., Any], experiment: Path) -> None:
    ds2kit("plot", experiment)
    before = (experiment / "plots" / "curves.png").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        ran = ds2kit("plot", experiment)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert ran.status == 1
    assert "curves.png could not be written: File too large" in ran.err
    assert ran.err.count("\n") == 1
    assert (experiment / "plots" / "curves.png").read_bytes() == before
    assert len(list((experiment / "plots").iterdir())) == 2
