"""How long planning an epoch takes, how full its steps are, and how little two epochs share.

python benchmarks/planning.py [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time

import numpy as np
from numpy.typing import NDArray

from ds2kit.data.plan import EpochPlan, plan

SECONDS_PER_STEP = 320.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=10_000_000)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args()
    with multiprocessing.get_context("spawn").Pool(1) as child:
        figures = child.apply(planned, [chosen.utterances])
    figures |= company(100_000)
    if chosen.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        print(f"{name:48} {figure:12,.4g}")


def planned(utterances: int) -> dict[str, float]:
    """Seconds, also of CPU alone, and peak memory of this process for a plan with three speeds."""
    seconds = durations(utterances)
    before, worked = time.perf_counter(), time.process_time()
    epoch = _plan(seconds, epoch=1)
    took, worked = time.perf_counter() - before, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "utterances": utterances,
        "steps": len(epoch),
        "plan_seconds": took,
        "plan_cpu_seconds": worked,
        "peak_gigabytes": peak,
        "fill": fill(epoch, seconds),
    }


def company(utterances: int) -> dict[str, float]:
    """How much a step has in common with the most similar step of another epoch."""
    seconds = durations(utterances)
    one, other = _plan(seconds, epoch=1), _plan(seconds, epoch=2)
    overlaps = largest_overlaps(one, other)
    return {
        "overlap_utterances": utterances,
        "overlap_mean": float(overlaps.mean()),
        "overlap_most": float(overlaps.max()),
    }


def largest_overlaps(one: EpochPlan, other: EpochPlan) -> NDArray[np.float64]:
    """[steps of one]: the largest Jaccard index with any step of the other epoch."""
    sizes = np.diff(other.bounds)
    step_of = np.empty(len(other.utterances), dtype=np.int64)
    step_of[other.utterances] = np.repeat(np.arange(len(other)), sizes)
    overlaps = np.empty(len(one))
    for i in range(len(one)):
        members = one.step(i).utterances
        steps, common = np.unique(step_of[members], return_counts=True)
        overlaps[i] = (common / (len(members) + sizes[steps] - common)).max()
    return overlaps


def fill(epoch: EpochPlan, seconds: NDArray[np.float64]) -> float:
    """Seconds of speech over seconds with padding."""
    lengths = seconds[epoch.utterances] / epoch.speeds
    padded = lengths[epoch.bounds[:-1]] * np.diff(epoch.bounds)
    return float(lengths.sum() / padded.sum())


def durations(utterances: int) -> NDArray[np.float64]:
    """Like read speech: most of 12 to 16 s, a quarter of anything shorter."""
    draw = np.random.default_rng(0)
    long = np.clip(draw.normal(14.5, 1.5, utterances * 3 // 4), 1.4, 24.5)
    return np.concatenate([long, draw.uniform(1.4, 14.0, utterances - len(long))])


def _plan(seconds: NDArray[np.float64], epoch: int) -> EpochPlan:
    return plan(
        [seconds],
        weights=[1.0],
        seed=1,
        epoch=epoch,
        seconds_per_step=SECONDS_PER_STEP,
        speeds=(0.9, 1.0, 1.1),
    )


if __name__ == "__main__":
    main()
