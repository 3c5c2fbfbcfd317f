"""The exact paired randomisation test, against all ways to exchange, written out."""

from __future__ import annotations

import time
from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.scoring.significance import SMALLEST_P, randomisation_p


def exchanged(differences: list[int]) -> float:
    """The share of all ways to exchange that differ as much or more."""
    found = abs(sum(differences))
    ways = list(product((1, -1), repeat=len(differences)))
    sums = [sum(sign * one for sign, one in zip(way, differences, strict=True)) for way in ways]
    return sum(abs(one) >= found for one in sums) / len(ways)


@given(st.lists(st.integers(-20, 20), max_size=10))
def test_equals_all_ways_written_out(differences: list[int]) -> None:
    assert randomisation_p(differences) == pytest.approx(exchanged(differences), abs=1e-12)


@given(st.lists(st.integers(-5, 5), max_size=9), st.integers(1, 1000))
def test_neither_direction_nor_scale_matters(differences: list[int], scale: int) -> None:
    p = randomisation_p(differences)

    assert randomisation_p([-one for one in differences]) == pytest.approx(p, abs=1e-12)
    assert randomisation_p([scale * one for one in differences]) == pytest.approx(p, abs=1e-12)


@pytest.mark.parametrize(("better", "worse"), [(10, 0), (9, 1), (30, 12), (500, 430), (50, 50)])
def test_equals_the_sign_test_where_all_differ_by_one(better: int, worse: int) -> None:
    number = better + worse
    tail = sum(comb(number, count) for count in range(max(better, worse), number + 1))
    expected = min(1.0, 2 * tail / 2**number)

    assert randomisation_p([1] * better + [-1] * worse + [0] * 7) == pytest.approx(
        expected, rel=1e-9
    )


@pytest.mark.parametrize("differences", [[], [0, 0], [3, -3], [1, -1, 2, -2]])
def test_no_difference_is_certain_to_be_reached(differences: list[int]) -> None:
    assert randomisation_p(differences) == 1.0


def test_ten_speakers_can_show_no_less_than_two_in_1024() -> None:
    assert randomisation_p(list(range(1, 11))) == pytest.approx(2 / 1024)


def test_a_p_too_small_to_compute_is_the_smallest() -> None:
    assert randomisation_p([1] * 100) == SMALLEST_P


def test_false_alarms_are_as_rare_as_p_says() -> None:
    generator = np.random.default_rng(1)
    drawn = [
        randomisation_p((generator.poisson(2, 60) - generator.poisson(2, 60)).tolist())
        for _ in range(400)
    ]

    assert 0.03 <= np.mean([p <= 0.05 for p in drawn]) <= 0.07
    assert 0.4 <= np.mean([p <= 0.5 for p in drawn]) <= 0.6


def test_a_hundred_thousand_utterances_take_seconds() -> None:
    generator = np.random.default_rng(2)
    differences = generator.poisson(2, 100_000) - generator.poisson(2, 100_000)
    begun = time.monotonic()

    p = randomisation_p(differences.tolist())

    assert time.monotonic() - begun < 10
    # A sum of so many is all but normally distributed.
    deviation = np.sqrt((differences**2).sum())
    z = abs(differences.sum()) / deviation
    assert p == pytest.approx(float(2 * (1 - _normal(z))), abs=0.005)


def _normal(z: float) -> float:
    from statistics import NormalDist

    return NormalDist().cdf(z)
