"""Sums of probabilities in logarithms, and which alignments may be followed by what."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.components import BLANK
from ds2kit.decoding.candidates import Alignments, Candidate, log_add, log_sum
from ds2kit.decoding.fusion import Prefix
from ds2kit.decoding.paths import Said

FINITE = st.floats(-300, 5)


@given(st.lists(FINITE, min_size=1, max_size=6))
def test_sums_probabilities(values: list[float]) -> None:
    expected = math.log(math.fsum(map(math.exp, values)))

    assert log_sum(values) == pytest.approx(expected, abs=1e-12)
    assert log_add(values[0], values[-1]) == pytest.approx(log_sum([values[0], values[-1]]))


def test_sums_what_is_too_small_for_a_number() -> None:
    assert log_sum([-5000.0, -5000.0]) == pytest.approx(-5000 + math.log(2))
    assert log_add(-9000.0, -5000.0) == -5000.0


def candidate() -> Candidate:
    ends = {
        BLANK: Alignments(math.log(0.2), math.log(0.1), Said.nothing()),
        3: Alignments(math.log(0.3), math.log(0.15), Said.nothing()),
    }
    return Candidate(Prefix("ab", worth=2.0), ends)


def test_the_score_is_of_all_alignments() -> None:
    one = candidate()

    assert one.whole.mass == pytest.approx(math.log(0.5))
    assert one.whole.said is one.ends[3].said
    assert one.score == pytest.approx(math.log(0.5) + 2.0)


def test_a_token_follows_itself_after_a_blank_only() -> None:
    one = candidate()

    before = one.before(3)
    assert before is not None
    assert before.mass == pytest.approx(math.log(0.2))
    assert one.before(2) is one.whole
    assert Candidate(Prefix(), {3: one.ends[3]}).before(3) is None
