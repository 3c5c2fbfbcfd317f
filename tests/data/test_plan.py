"""The plan of an epoch: everything once, bounded, other company each time, and pure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ds2kit.data.plan import EpochPlan, once, plan, share
from ds2kit.errors import UserError

lengths = st.lists(st.floats(0.0, 20.0, width=32), max_size=200).map(np.array)


def planned(
    seconds: NDArray[np.float64],
    epoch: int = 1,
    seconds_per_step: float = 60.0,
    seed: int = 7,
    speeds: tuple[float, ...] = (1.0,),
) -> EpochPlan:
    return plan(
        [seconds],
        weights=[1.0],
        seed=seed,
        epoch=epoch,
        seconds_per_step=seconds_per_step,
        speeds=speeds,
    )


@given(
    indexes=st.lists(lengths, min_size=1, max_size=3),
    data=st.data(),
    seconds_per_step=st.floats(23.0, 300.0),
    epoch=st.integers(0, 3),
    seed=st.integers(0, 2**40),
)
def test_everything_is_seen_by_its_weight_within_the_bound(
    indexes: list[NDArray[np.float64]],
    data: st.DataObject,
    seconds_per_step: float,
    epoch: int,
    seed: int,
) -> None:
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(indexes), max_size=len(indexes)))
    speeds = (0.9, 1.0, 1.1)

    drawn = plan(
        indexes,
        weights=weights,
        seed=seed,
        epoch=epoch,
        seconds_per_step=seconds_per_step,
        speeds=speeds,
    )

    joined = np.concatenate(indexes)
    seen = [0] * len(joined)
    for i in range(len(drawn)):
        step = drawn.step(i)
        played = joined[step.utterances] / step.speeds
        assert 0 < len(step) * played.max() <= seconds_per_step or played.max() == 0
        assert (np.diff(played) <= 0).all()
        assert set(step.speeds) <= set(speeds)
        for utterance in step.utterances:
            seen[utterance] += 1
    expected = [w for w, index in zip(weights, indexes, strict=True) for _ in index]
    assert seen == expected
    twice = set(zip(drawn.utterances.tolist(), drawn.copies.tolist(), strict=True))
    assert len(twice) == sum(expected)


def test_ties_in_a_step_go_by_position() -> None:
    step = planned(np.full(30, 2.0)).step(0)

    assert (np.diff(step.utterances) > 0).all()


def test_the_same_arguments_give_the_same_plan_and_others_another() -> None:
    seconds = read_speech(500)
    first, again = planned(seconds), planned(seconds)

    np.testing.assert_array_equal(first.utterances, again.utterances)
    np.testing.assert_array_equal(first.bounds, again.bounds)
    for other in (planned(seconds, epoch=2), planned(seconds, seed=8)):
        assert not np.array_equal(first.utterances, other.utterances)


def read_speech(utterances: int, seed: int = 0) -> NDArray[np.float64]:
    draw = np.random.default_rng(seed)
    long = np.clip(draw.normal(14.0, 1.5, utterances * 3 // 4), 1.4, 20.0)
    return np.concatenate([long, draw.uniform(1.4, 14.0, utterances - len(long))])


def short_phrases(utterances: int, seed: int = 0) -> NDArray[np.float64]:
    return np.clip(np.random.default_rng(seed).lognormal(1.4, 0.5, utterances), 0.5, 16.0)


@pytest.mark.parametrize("speeds", [(1.0,), (0.9, 1.0, 1.1)])
@pytest.mark.parametrize("utterances", [400, 1000, 3000])
@pytest.mark.parametrize("corpus", [read_speech, short_phrases])
def test_steps_of_a_small_corpus_are_full_and_never_the_same_company(
    corpus: Callable[[int], NDArray[np.float64]], utterances: int, speeds: tuple[float, ...]
) -> None:
    seconds = corpus(utterances)
    seconds_per_step = max(float(seconds.sum()) / 50, 60.0)
    epochs = [planned(seconds, epoch, seconds_per_step, speeds=speeds) for epoch in range(8)]

    companies: set[frozenset[int]] = set()
    fills = []
    for drawn in epochs:
        fills.append(fill(drawn, seconds))
        assert len(drawn) <= 1.35 * seconds.sum() / seconds_per_step + 6
        for i in range(len(drawn)):
            company = frozenset(drawn.step(i).utterances.tolist())
            # Two or three of the few longest may meet again by chance.
            assert company not in companies or len(company) < 4
            companies.add(company)
    assert np.mean(fills) > 0.9
    assert largest_overlaps(epochs[1], epochs[2]).mean() < 0.3


def fill(drawn: EpochPlan, seconds: NDArray[np.float64]) -> float:
    played = seconds[drawn.utterances] / drawn.speeds
    padded = sum(
        len(drawn.step(i)) * played[drawn.bounds[i] : drawn.bounds[i + 1]].max()
        for i in range(len(drawn))
    )
    return float(played.sum() / padded)


def largest_overlaps(one: EpochPlan, other: EpochPlan) -> NDArray[np.float64]:
    ones = [set(one.step(i).utterances.tolist()) for i in range(len(one))]
    others = [set(other.step(i).utterances.tolist()) for i in range(len(other))]
    return np.array([max(len(a & b) / len(a | b) for b in others) for a in ones])


def test_epoch_0_goes_from_short_to_long_and_the_others_do_not() -> None:
    seconds = short_phrases(600)
    first = plan([seconds], weights=[1.0], seed=1, epoch=0, seconds_per_step=60.0)
    second = planned(seconds, epoch=1)
    unsorted = plan(
        [seconds], weights=[1.0], seed=1, epoch=0, seconds_per_step=60.0, sorta_grad=False
    )

    def longest(drawn: EpochPlan) -> NDArray[np.float64]:
        return seconds[drawn.utterances[drawn.bounds[:-1]]]

    assert (np.diff(longest(first)) >= 0).all()
    for drawn in (second, unsorted):
        assert abs(np.corrcoef(longest(drawn), np.arange(len(drawn)))[0, 1]) < 0.5


def test_a_fraction_of_a_weight_is_a_chance() -> None:
    seconds = np.full(4000, 1.0)
    counts = []
    for epoch in (1, 2):
        drawn = plan([seconds], weights=[1.3], seed=1, epoch=epoch, seconds_per_step=50.0)
        times = np.bincount(drawn.utterances, minlength=4000)
        assert set(times.tolist()) == {1, 2}
        assert 0.25 < (times == 2).mean() < 0.35
        counts.append(times)
    assert not np.array_equal(*counts)


@given(count=st.integers(0, 40), ranks=st.integers(1, 9))
def test_shares_deal_a_step_out_whole(count: int, ranks: int) -> None:
    drawn = planned(np.full(count, 1.0))
    if count == 0:
        assert len(drawn) == 0
        return
    step = drawn.step(0)
    shares = [share(step, rank, ranks) for rank in range(ranks)]

    assert sorted(u for part in shares for u in part.utterances) == sorted(step.utterances)
    sizes = [len(part) for part in shares]
    assert max(sizes) - min(sizes) <= 1


def test_refuses_an_utterance_longer_than_a_step() -> None:
    with pytest.raises(UserError, match=r"seconds_per_step is 10, .* 12\.00 s does not fit"):
        planned(np.array([1.0, 12.0]), seconds_per_step=10.0)


def test_slower_speech_counts_as_longer() -> None:
    with pytest.raises(UserError, match=r"12\.00 s does not fit"):
        planned(np.array([6.0]), seconds_per_step=10.0, speeds=(0.5,))


def test_a_step_beyond_the_last_is_an_index_error() -> None:
    drawn = planned(np.full(3, 1.0))
    with pytest.raises(IndexError):
        drawn.step(len(drawn))


@given(seconds=lengths, seconds_per_step=st.floats(1.0, 100.0))
def test_once_leaves_nothing_out_and_begins_with_the_longest(
    seconds: NDArray[np.float64], seconds_per_step: float
) -> None:
    seconds = seconds.astype(np.float64)
    drawn = once(seconds, seconds_per_step=seconds_per_step)

    assert sorted(drawn.utterances.tolist()) == list(range(len(seconds)))
    assert (np.diff(seconds[drawn.utterances]) <= 0).all()
    for i in range(len(drawn)):
        step = drawn.step(i)
        assert len(step) == 1 or len(step) * seconds[step.utterances].max() <= seconds_per_step
