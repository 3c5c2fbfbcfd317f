"""The loops over frames: as torch's own interpreter runs them, and as Python does."""

from __future__ import annotations

import pytest
import torch

from ds2kit.encoders.fast import frames, way
from ds2kit.encoders.layers import Recurrence
from ds2kit.types import Padded


def test_this_torch_compiles_them() -> None:
    for loop in (
        frames.rnn_ahead,
        frames.rnn_back,
        frames.gru_ahead,
        frames.gru_back,
        frames.lstm_ahead,
        frames.lstm_back,
    ):
        assert frames.compiled(loop) is not None, loop.__name__


def test_what_cannot_be_compiled_stays_python() -> None:
    def loop(*whatever: object) -> None:
        raise NotImplementedError

    assert frames.fastest(loop) is loop


@pytest.mark.parametrize("cell", ["gru", "rnn", "lstm"])
@pytest.mark.parametrize("activation", ["clipped_relu", "tanh"])
def test_both_give_the_same_bits(
    cell: str, activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(way, "BLOCK_ROWS", 7)
    layer = Recurrence(6, 5, cell, activation)  # type: ignore[arg-type]
    batch = torch.randn(4, 9, 6), torch.tensor([9, 4, 4, 1])

    def step() -> list[torch.Tensor]:
        layer.zero_grad()
        values = batch[0].clone().requires_grad_()
        output = layer(Padded(values, batch[1])).values
        output.square().sum().backward()
        wanted = [values, *layer.parameters()]
        return [output.detach(), *(leaf.grad.clone() for leaf in wanted if leaf.grad is not None)]

    compiled = step()
    monkeypatch.setattr(frames, "compiled", lambda loop: None)
    for one, other in zip(compiled, step(), strict=True):
        assert torch.equal(one, other)
