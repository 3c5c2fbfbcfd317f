"""The bootstrap interval."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from ds2kit.scoring import interval
from ds2kit.scoring.interval import (
    Interval,
    bootstrap_interval,
    difference_interval,
    resampled_by,
)
from ds2kit.types import Score


def scores(errors: np.ndarray, units: int) -> list[Score]:
    return [Score(int(one), 0, 0, units) for one in errors]


def test_the_interval_holds_the_true_rate_nineteen_times_in_twenty() -> None:
    generator = np.random.default_rng(1)
    held = []
    for _ in range(300):
        drawn = scores(generator.binomial(20, 0.1, size=80), 20)
        found = bootstrap_interval(drawn, [""] * 80, resamples=500)
        assert found
        held.append(found.low <= 0.1 <= found.high)

    assert 0.90 <= np.mean(held) <= 0.98


def test_equals_all_resamples_written_out() -> None:
    counts = [(0, 3), (2, 5), (4, 4), (1, 9)]
    every = [
        sum(errors for errors, _ in drawn) / sum(units for _, units in drawn)
        for drawn in product(counts, repeat=4)
    ]
    given = [Score(errors, 0, 0, units) for errors, units in counts]

    found = bootstrap_interval(given, [""] * 4, resamples=40_000)

    assert found
    assert found.low == pytest.approx(np.quantile(every, 0.025), abs=0.02)
    assert found.high == pytest.approx(np.quantile(every, 0.975), abs=0.02)


def test_identical_utterances_give_a_point() -> None:
    assert bootstrap_interval([Score(1, 0, 0, 4)] * 7, [""] * 7) == Interval(0.25, 0.25)


def test_is_repeatable_and_depends_on_the_seed() -> None:
    drawn = scores(np.arange(12) % 5, 7)

    first = bootstrap_interval(drawn, [""] * 12, resamples=300)

    assert first == bootstrap_interval(drawn, [""] * 12, resamples=300)
    assert first != bootstrap_interval(drawn, [""] * 12, resamples=300, seed=1)


def test_memory_bound_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = scores(np.arange(12) % 5, 7)
    at_once = bootstrap_interval(drawn, [""] * 12, resamples=301)

    monkeypatch.setattr(interval, "DRAWS_AT_ONCE", 50)

    assert bootstrap_interval(drawn, [""] * 12, resamples=301) == at_once


@pytest.mark.parametrize(
    ("speakers", "by"),
    [
        ([str(i) for i in range(10)], "speaker"),
        ([str(i) for i in range(9)], "utterance"),
        ([*map(str, range(12)), ""], "utterance"),
        (["one"] * 50, "utterance"),
        ([], "utterance"),
    ],
)
def test_resamples_speakers_from_ten_up(speakers: list[str], by: str) -> None:
    assert resampled_by(speakers) == by


def test_speakers_who_differ_make_the_interval_wider() -> None:
    # Ten speakers, each always or never wrong: utterances resampled alone would be too sure.
    errors = np.repeat([0, 1] * 5, 30)
    names = [str(name) for name in np.repeat(np.arange(10), 30)]

    by_speaker = bootstrap_interval(scores(errors, 1), names)
    by_utterance = bootstrap_interval(scores(errors, 1), [""] * 300)

    assert by_speaker
    assert by_utterance
    assert by_speaker.high - by_speaker.low > 3 * (by_utterance.high - by_utterance.low)


@pytest.mark.parametrize("given", [[], [Score(1, 0, 0, 3)], [Score(0, 0, 2, 0)] * 5])
def test_none_where_there_is_nothing_to_resample(given: list[Score]) -> None:
    assert bootstrap_interval(given, [""] * len(given)) is None


def test_silent_utterances_are_resampled_too() -> None:
    found = bootstrap_interval([Score(0, 0, 1, 0), Score(0, 0, 0, 2)], ["", ""])

    assert found
    assert np.isfinite([found.low, found.high]).all()


def test_a_paired_difference_equals_all_resamples_written_out() -> None:
    counts = [(0, 2, 3), (2, 2, 5), (4, 1, 4), (1, 0, 9)]
    every = [
        sum(second - first for first, second, _ in drawn) / sum(units for *_, units in drawn)
        for drawn in product(counts, repeat=4)
    ]
    first = [Score(errors, 0, 0, units) for errors, _, units in counts]
    second = [Score(errors, 0, 0, units) for _, errors, units in counts]

    found = difference_interval(first, second, [""] * 4, resamples=40_000)

    assert found
    assert found.low == pytest.approx(np.quantile(every, 0.025), abs=0.02)
    assert found.high == pytest.approx(np.quantile(every, 0.975), abs=0.02)


def test_what_is_hard_for_both_does_not_widen_their_difference() -> None:
    errors = np.arange(40) % 8
    first, second = scores(errors, 10), scores(errors + 1, 10)

    assert difference_interval(first, second, [""] * 40) == Interval(0.1, 0.1)
    assert bootstrap_interval(first, [""] * 40) != Interval(0.35, 0.35)


def test_differences_are_resampled_by_speaker_from_ten_up() -> None:
    better = np.repeat([0, 1] * 5, 30)
    first, second = scores(better, 1), scores(1 - better, 1)
    names = [str(name) for name in np.repeat(np.arange(10), 30)]

    by_speaker = difference_interval(first, second, names)
    by_utterance = difference_interval(first, second, [""] * 300)

    assert by_speaker
    assert by_utterance
    assert by_speaker.high - by_speaker.low > 3 * (by_utterance.high - by_utterance.low)
