"""Share of a training's steps that was spent waiting for data, from its log.

    python benchmarks/waiting.py EXP [--json]

The first step of an epoch is told apart: its workers begin there, and so do those of a training
that was gone on with.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", type=Path, metavar="EXP", help="folder of a training")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args()
    lines = (chosen.experiment / "log.jsonl").read_text(encoding="utf-8").splitlines()
    figures = waiting([json.loads(line) for line in lines])
    if chosen.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        print(f"{name:36} {figure:12,.4g}")


def waiting(events: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Shares of the clock, over the first steps of epochs and over all others."""
    first: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    begins = True
    for event in events:
        if event["event"] == "step":
            (first if begins or event["step"] == 0 else others).append(event)
            begins = False
        else:
            begins = True
    return {
        "steps": len(first) + len(others),
        "first_steps_of_epochs": len(first),
        "seconds_a_step": _mean(others, "seconds"),
        "waited_share": _share(others),
        "waited_share_median_step": _median_share(others),
        "waited_share_first_steps": _share(first),
        "waited_seconds_first_steps": _mean(first, "waited"),
        "waited_share_all_steps": _share([*first, *others]),
        "audio_seconds_per_second": _rate([*first, *others]),
    }


def _mean(steps: Sequence[dict[str, Any]], name: str) -> float:
    return float(sum(step[name] for step in steps)) / max(1, len(steps))


def _share(steps: Sequence[dict[str, Any]]) -> float:
    seconds = sum(step["seconds"] for step in steps)
    return float(sum(step["waited"] for step in steps)) / seconds if seconds else 0.0


def _median_share(steps: Sequence[dict[str, Any]]) -> float:
    shares = [step["waited"] / step["seconds"] for step in steps if step["seconds"]]
    return statistics.median(shares) if shares else 0.0


def _rate(steps: Sequence[dict[str, Any]]) -> float:
    seconds = sum(step["seconds"] for step in steps)
    return float(sum(step["audio_seconds"] for step in steps)) / seconds if seconds else 0.0


if __name__ == "__main__":
    main()
