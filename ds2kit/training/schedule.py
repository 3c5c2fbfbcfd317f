"""The learning rate, a pure function of how much of the training is done."""

from __future__ import annotations

import math

from ds2kit.settings import Schedule

START, END = 1 / 25, 1 / 1000
"""Where one_cycle begins and ends, as shares of the full learning rate."""


def learning_rate(schedule: Schedule, full: float, done: float, epoch: int) -> float:
    """The rate of the next step.

    full:  optimizer.learning_rate
    done:  share of the training that is done, from 0 to 1
    epoch: of the plan, from 0
    """
    if schedule.name == "constant":
        return full
    if schedule.name == "anneal":
        return float(full / schedule.factor**epoch)
    if done < schedule.warmup:
        return full * (START + (1 - START) * done / schedule.warmup)
    fallen = (done - schedule.warmup) / (1 - schedule.warmup)
    return full * (END + (1 - END) * (1 + math.cos(math.pi * min(fallen, 1.0))) / 2)
