"""States stack and split whatever they are nested in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch

from ds2kit.testing.states import stack, take, tensors_in
from ds2kit.types import Chunk


class Pair(NamedTuple):
    one: Any
    other: Any


@dataclass(frozen=True)
class Box:
    inside: Any


def nested(start: int, streams: int) -> Any:
    values = torch.arange(start, start + streams).double()
    chunk = Chunk(values[:, None, None], values[:, None] > 1)
    return {"a": [values, (values * 2,)], "b": Pair(Box(chunk), None)}


def test_stacking_what_was_taken_apart_gives_the_whole() -> None:
    whole = nested(0, 5)
    parts = [take(whole, [stream]) for stream in range(5)]
    for found, expected in zip(tensors_in(stack(parts)), tensors_in(whole), strict=True):
        assert torch.equal(found, expected)


def test_taking_keeps_the_order_that_is_asked_for() -> None:
    taken = take(nested(0, 5), [3, 1])
    assert taken["a"][0].tolist() == [3, 1]
    assert type(taken["b"]) is Pair
    assert taken["b"].one.inside.values.flatten().tolist() == [3, 1]
    assert taken["b"].one.inside.valid.flatten().tolist() == [True, False]


def test_what_is_taken_shares_no_memory() -> None:
    whole = nested(0, 3)
    take(whole, [0, 1, 2])["a"][0].zero_()
    assert whole["a"][0].tolist() == [0, 1, 2]


def test_a_number_in_a_state_is_named() -> None:
    with pytest.raises(AssertionError, match="a state holds a int"):
        tensors_in([torch.zeros(2), 7])
