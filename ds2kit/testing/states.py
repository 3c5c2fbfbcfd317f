"""Streaming states: nested structures of tensors with the stream first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ds2kit.types import State


def stack(states: Sequence[State]) -> State:
    """One state of the streams of all, in order."""
    return _together(states, lambda tensors: torch.cat(tensors, dim=0))


def take(state: State, streams: Sequence[int]) -> State:
    """The state of some of its streams, in this order, sharing no memory with the whole."""
    rows = torch.tensor(streams, dtype=torch.int64)
    return _together([state], lambda tensors: tensors[0][rows.to(tensors[0].device)])


def tensors_in(state: State) -> list[Tensor]:
    """Every tensor of the nested structure.

    Raises AssertionError where it holds what does not stack and split by stream.
    """
    found: list[Tensor] = []

    def collect(tensors: list[Tensor]) -> Tensor:
        found.append(tensors[0])
        return tensors[0]

    _together([state], collect)
    return found


def _together(states: Sequence[Any], work: Callable[[list[Tensor]], Tensor]) -> Any:
    """The same structure with what `work` makes of the tensors in each place."""
    first = states[0]
    if isinstance(first, Tensor):
        return work(list(states))
    if first is None:
        return None
    if isinstance(first, dict):
        return {key: _together([state[key] for state in states], work) for key in first}
    if isinstance(first, list | tuple):
        items = [_together(places, work) for places in zip(*states, strict=True)]
        if hasattr(first, "_fields"):  # a named tuple takes its items one by one
            return type(first)(*items)
        return type(first)(items)
    if dataclasses.is_dataclass(first) and not isinstance(first, type):
        names = [field.name for field in dataclasses.fields(first)]
        places = {name: _together([getattr(s, name) for s in states], work) for name in names}
        return dataclasses.replace(first, **places)
    raise AssertionError(
        f"a state holds a {type(first).__name__}: only tensors whose first axis is the stream can "
        "stack and split, in lists, tuples, dicts and dataclasses"
    )
