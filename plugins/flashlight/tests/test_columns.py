"""Tokens in columns: each keeps its own, and gets nobody else's too soon."""

from __future__ import annotations

from ds2kit_flashlight.columns import NOBODY, Columns
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.sets(st.integers(0, 9)), max_size=30))
def test_columns(frames: list[set[int]]) -> None:
    columns, before = Columns(), [0]
    most = max(map(len, frames), default=0)
    for considered in frames:
        tokens = columns.of(sorted(considered))

        assert tokens[0] == 0
        assert {*tokens} - {0, NOBODY} == considered - {0}
        assert len({*tokens} - {NOBODY}) + tokens.count(NOBODY) == len(tokens)
        for old, new in zip(before, tokens, strict=False):
            # flashlight would take another token in the same column for the same going on.
            assert NOBODY in (old, new) or old == new
        assert len(tokens) <= 1 + 2 * most
        before = tokens
