"""Lengths against counting."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.encoders.geometry import convolved, reach, windows


@given(st.integers(0, 60), st.integers(1, 12), st.integers(1, 7))
def test_windows_are_those_that_fit(length: int, size: int, step: int) -> None:
    starts = [start for start in range(0, length, step) if start + size <= length]

    assert windows(length, size, step) == len(starts)
    assert windows(torch.tensor([length]), size, step).tolist() == [len(starts)]


@given(st.integers(0, 60), st.integers(0, 6), st.integers(1, 5))
def test_convolved_is_a_window_a_stride_over_what_is_there(
    length: int, half: int, stride: int
) -> None:
    centres = range(0, length, stride)

    assert reach(2 * half + 1) == half
    assert convolved(length, 2 * half + 1, stride) == len(centres)
    assert convolved(torch.tensor([length]), 2 * half + 1, stride).tolist() == [len(centres)]


def test_lengths_stay_integers() -> None:
    lengths = torch.arange(5)
    assert convolved(lengths, 11, 2).dtype == torch.int64
    assert isinstance(convolved(7, 11, 2), int)


def test_the_papers_frequencies() -> None:
    first = convolved(161, 41, 2)
    second = convolved(first, 21, 2)
    assert (first, second, convolved(second, 21, 2)) == (81, 41, 21)
