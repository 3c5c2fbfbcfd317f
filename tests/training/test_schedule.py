"""The learning rate over a training."""

from __future__ import annotations

import pytest

from ds2kit.settings import Schedule
from ds2kit.training.schedule import END, START, learning_rate


def test_constant_stays() -> None:
    assert {learning_rate(Schedule(name="constant"), 0.1, d / 9, d) for d in range(10)} == {0.1}


def test_anneal_divides_after_each_epoch() -> None:
    rates = [learning_rate(Schedule(name="anneal", factor=1.2), 6e-4, 0.5, e) for e in range(4)]

    assert rates == pytest.approx([6e-4, 6e-4 / 1.2, 6e-4 / 1.44, 6e-4 / 1.728])


def test_one_cycle_rises_and_falls() -> None:
    schedule = Schedule(name="one_cycle", warmup=0.2)
    rates = [learning_rate(schedule, 1.0, done / 100, 0) for done in range(101)]

    assert rates[0] == pytest.approx(START)
    assert rates[20] == pytest.approx(1.0)
    assert rates[100] == pytest.approx(END)
    assert rates[:21] == sorted(rates[:21])
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_one_cycle_without_warmup_starts_at_the_top() -> None:
    assert learning_rate(Schedule(warmup=0.0), 1.0, 0.0, 0) == pytest.approx(1.0)
