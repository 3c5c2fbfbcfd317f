"""The plan of an epoch: which utterances make a step, as a pure function of the indexes.

A plan is global: ranks share its steps out among them, so their number changes the speed and
nothing else. It holds no state: to resume at step 1,234 is to begin there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ds2kit.errors import UserError

FEWEST_STEPS, MOST_STEPS = 3, 5
"""Steps of a window. Fewer, and two epochs' steps have much in common; more, and the lengths in a
step of a small corpus differ so much that padding costs, and one read brings much that is not
wanted."""


@dataclass(frozen=True)
class Step:
    """The utterances of one optimiser step, the longest first.

    utterances: [n] int64, positions in the joined indexes
    speeds:     [n] float64, how much faster each is to be played
    copies:     [n] int64, 0 for an utterance's first time in the epoch, 1 for its second, ...
    """

    utterances: NDArray[np.int64]
    speeds: NDArray[np.float64]
    copies: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.utterances)


@dataclass(frozen=True)
class EpochPlan:
    """All steps of one epoch: `len(plan)` of them, `plan.step(i)` is the i-th.

    utterances: [total] int64, step after step
    speeds:     [total] float64
    copies:     [total] int64
    bounds:     [steps + 1] int64: step i takes bounds[i] to bounds[i + 1]
    epoch:      which epoch it is, from 0
    """

    utterances: NDArray[np.int64]
    speeds: NDArray[np.float64]
    copies: NDArray[np.int64]
    bounds: NDArray[np.int64]
    epoch: int

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def step(self, i: int) -> Step:
        """Raises IndexError beyond the last step."""
        if not 0 <= i < len(self):
            raise IndexError(f"step {i} of a plan of {len(self)}")
        part = slice(int(self.bounds[i]), int(self.bounds[i + 1]))
        return Step(self.utterances[part], self.speeds[part], self.copies[part])


def plan(
    seconds: Sequence[NDArray[np.float64]],
    *,
    weights: Sequence[float],
    seed: int,
    epoch: int,
    seconds_per_step: float,
    speeds: Sequence[float] = (1.0,),
    sorta_grad: bool = True,
) -> EpochPlan:
    """The steps of an epoch: sets of utterances of similar length under a bound of padded seconds.

    seconds: the durations of one or several indexes; utterances are numbered as if joined
    weights: one an index: how often an epoch takes each of its utterances; a fraction is a chance
    speeds:  each utterance is played at one of them, drawn evenly; its length is seconds / speed

    In a step, count * longest <= seconds_per_step. Neighbouring steps of similar length are drawn
    from one window, whose borders and company differ from epoch to epoch. Epoch 0 goes from short
    to long where `sorta_grad` is set; every other is in random order.

    Raises UserError for an utterance that is longer than a step.
    """
    utterances, copies = _drawn_by_weight(seconds, weights, _draw(seed, epoch, "copies"))
    joined = np.concatenate([np.zeros(0), *seconds])
    drawn_speeds = _draw(seed, epoch, "speeds").integers(len(speeds), size=len(utterances))
    played = np.asarray(speeds, dtype=np.float64)[drawn_speeds]
    lengths = joined[utterances] / played
    _refuse_long(lengths, seconds_per_step)

    by_length = np.argsort(-lengths, kind="stable")
    draw = _draw(seed, epoch, "steps")
    windows, sizes = _cut(lengths[by_length], seconds_per_step, draw)
    members = by_length[_company(windows, sizes, draw)]

    longest = lengths[members[np.cumsum(sizes) - sizes]]
    if sorta_grad and epoch == 0:
        order = np.argsort(longest, kind="stable")
    else:
        order = draw.permutation(len(sizes))
    members = members[_gather(sizes, order)]
    bounds = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes[order])])
    return EpochPlan(utterances[members], played[members], copies[members], bounds, epoch)


def once(seconds: NDArray[np.float64], *, seconds_per_step: float) -> EpochPlan:
    """Every utterance once, by length, nothing left out: for decoding and for the loss on dev.

    The longest come first, so that a lack of memory shows at once. One that is longer than the
    bound is a step of its own.
    """
    by_length = np.argsort(-seconds, kind="stable")
    lengths, bounds = seconds[by_length], [0]
    while bounds[-1] < len(lengths):
        longest = float(lengths[bounds[-1]])
        most = max(1, _most(longest, seconds_per_step, len(lengths)))
        bounds.append(min(bounds[-1] + most, len(lengths)))
    speeds, copies = np.ones(len(lengths)), np.zeros(len(lengths), dtype=np.int64)
    return EpochPlan(by_length, speeds, copies, np.array(bounds, dtype=np.int64), epoch=0)


def share(step: Step, rank: int, ranks: int) -> Step:
    """What one rank does of a step, dealt in turn; empty where there are more ranks than work."""
    return Step(step.utterances[rank::ranks], step.speeds[rank::ranks], step.copies[rank::ranks])


def _draw(seed: int, epoch: int, what: str) -> np.random.Generator:
    return np.random.default_rng([seed, epoch, *what.encode()])


def _drawn_by_weight(
    seconds: Sequence[NDArray[np.float64]], weights: Sequence[float], draw: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The utterances of the epoch in order, and which copy each one is."""
    each = np.repeat(np.asarray(weights, dtype=np.float64), [len(index) for index in seconds])
    whole = np.floor(each)
    times = whole.astype(np.int64) + (draw.random(len(each)) < each - whole)
    utterances = np.repeat(np.arange(len(each)), times)
    first = np.repeat(np.cumsum(times) - times, times)
    return utterances, np.arange(len(utterances)) - first


def _refuse_long(lengths: NDArray[np.float64], seconds_per_step: float) -> None:
    longest = lengths.max(initial=0.0)
    if longest > seconds_per_step:
        raise UserError(
            f"data.seconds_per_step is {seconds_per_step:g}, and an utterance of "
            f"{longest:.2f} s does not fit; raise it or leave longer utterances out"
        )


def _cut(
    lengths: NDArray[np.float64], seconds_per_step: float, draw: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sizes of windows and of steps; lengths descend, so a window's first is its longest.

    The first window's size is drawn to the utterance and every other's to the step: where borders
    of two epochs meet, they part again.
    """
    windows: list[int] = []
    sizes: list[int] = []
    begin, total = 0, len(lengths)
    while begin < total:
        most = _most(float(lengths[begin]), seconds_per_step, total)
        size = most * int(draw.integers(FEWEST_STEPS, MOST_STEPS + 1))
        if begin == 0:
            size = int(draw.integers(2 * most, size + 1))
        # A rest of less than two steps would be the same company in every epoch.
        if begin + size + 2 * most > total:
            size = total - begin
        windows.append(size)
        sizes += _even(size, -(-size // most))
        begin += size
    return np.array(windows, dtype=np.int64), np.array(sizes, dtype=np.int64)


def _most(longest: float, seconds_per_step: float, total: int) -> int:
    """How many of this length fit into a step."""
    if longest * total <= seconds_per_step:
        return total
    most = int(seconds_per_step / longest)
    return most if most * longest <= seconds_per_step else most - 1


def _even(size: int, parts: int) -> list[int]:
    small, more = divmod(size, parts)
    return [small + 1] * more + [small] * (parts - more)


def _company(
    windows: NDArray[np.int64], sizes: NDArray[np.int64], draw: np.random.Generator
) -> NDArray[np.int64]:
    """Ranks by length, step after step: at random inside a window, sorted inside a step."""
    shuffled = np.repeat(np.arange(len(windows), dtype=np.float64), windows)
    shuffled += draw.random(len(shuffled))
    step_of = np.empty(len(shuffled), dtype=np.int64)
    step_of[np.argsort(shuffled, kind="stable")] = np.repeat(np.arange(len(sizes)), sizes)
    return np.argsort(step_of, kind="stable")


def _gather(sizes: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions that bring steps of these sizes into another order."""
    begins = (np.cumsum(sizes) - sizes)[order]
    ends = np.cumsum(sizes[order])
    shift = begins - (ends - sizes[order])
    positions: NDArray[np.int64] = np.arange(sizes.sum()) + np.repeat(shift, sizes[order])
    return positions
