"""Tokens in columns: each keeps its own, and gets nobody else's too soon."""

from __future__ import annotations

import numpy as np
from ds2kit_flashlight.frames import UNLIKELY
from ds2kit_flashlight.slots import NOBODY, Slots
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.sets(st.integers(1, 9)), max_size=30))
def test_columns(frames: list[set[int]]) -> None:
    slots, before = Slots(), [0]
    most = max(map(len, frames), default=0)
    for considered in frames:
        log_probs = np.full(10, 2 * UNLIKELY, np.float32)
        log_probs[[0, *considered]] = -np.arange(len(considered) + 1, dtype=np.float32)

        tokens, values = slots.frame(log_probs)

        assert tokens[0] == 0
        assert {*tokens} - {0, NOBODY} == considered
        assert len({*tokens} - {NOBODY}) + tokens.count(NOBODY) == len(tokens) == len(values)
        assert values.dtype == np.float32
        for token, value in zip(tokens, values, strict=True):
            assert value == (-np.inf if token == NOBODY else log_probs[token])
        for old, new in zip(before, tokens, strict=False):
            # flashlight would take another token in the same column for the same going on.
            assert NOBODY in (old, new) or old == new
        assert len(tokens) <= 1 + 2 * most
        before = tokens


def test_a_blank_that_is_not_considered() -> None:
    log_probs = np.array([2 * UNLIKELY, -0.1], np.float32)

    tokens, values = Slots().frame(log_probs)

    assert tokens == [0, 1]
    assert values.tolist() == log_probs.tolist()
