"""Rows in order of time against loops."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.encoders.fast.rows import TimeOrder, over_rows
from ds2kit.types import Padded

LENGTHS = st.lists(st.integers(0, 6), min_size=0, max_size=5)


def batch(lengths: list[int], extra: int) -> Padded:
    """Frame t of utterance b holds 100 b + t, the padding NaN."""
    time = max(lengths, default=0) + extra
    values = torch.full((len(lengths), time, 1), float("nan"), dtype=torch.float64)
    for number, length in enumerate(lengths):
        values[number, :length, 0] = 100 * number + torch.arange(length)
    return Padded(values, torch.tensor(lengths, dtype=torch.int64))


@given(LENGTHS, st.integers(0, 2))
def test_rows_are_in_order_of_time_and_the_batch_shrinks(lengths: list[int], extra: int) -> None:
    order = TimeOrder.of(batch(lengths, extra))
    sorted_utterances = sorted(range(len(lengths)), key=lambda number: -lengths[number])
    expected = [
        [100 * number + frame for number in sorted_utterances if frame < lengths[number]]
        for frame in range(max(lengths, default=0))
    ]

    assert list(order.sizes) == [len(frame) for frame in expected]
    rows = order.gather(batch(lengths, extra).values)
    assert rows.flatten().tolist() == [place for frame in expected for place in frame]


@given(LENGTHS)
def test_reversal_and_previous(lengths: list[int]) -> None:
    frames = batch(lengths, 1)
    order = TimeOrder.of(frames)
    rows = order.gather(frames.values).flatten()
    before = torch.cat([torch.zeros(order.first, dtype=rows.dtype), rows[order.previous]])

    assert order.first == sum(length > 0 for length in lengths)
    for row, value in enumerate(rows.tolist()):
        number, frame = divmod(int(value), 100)
        assert rows[order.reversal[row]] == 100 * number + lengths[number] - 1 - frame
        assert before[row] == (value - 1 if frame else 0)


@given(LENGTHS, st.integers(0, 2))
def test_scatter_undoes_gather_and_clears(lengths: list[int], extra: int) -> None:
    frames = batch(lengths, extra)
    same = over_rows(frames, lambda rows: rows)
    torch.testing.assert_close(same.values, frames.cleared().values, rtol=0, atol=0)


def test_gradients_of_gather_and_scatter() -> None:
    frames = batch([2, 3, 0], 1)
    values = torch.randn(3, 4, 2, dtype=torch.float64, requires_grad=True)
    order = TimeOrder.of(Padded(values, frames.lengths))
    assert torch.autograd.gradcheck(lambda v: order.scatter(order.gather(v).square()), values)
