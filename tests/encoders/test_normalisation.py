"""Sequence-wise batch norm against NumPy over the joined valid frames."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from ds2kit.encoders.fast import over_rows
from ds2kit.encoders.layers import SequenceBatchNorm
from ds2kit.types import Padded

Make = Callable[..., list[Tensor]]
Pad = Callable[..., Padded]


def norm_of(features: int) -> SequenceBatchNorm:
    norm = SequenceBatchNorm(features).double()
    torch.nn.init.uniform_(norm.weight, 0.5, 2)
    torch.nn.init.normal_(norm.bias)
    return norm


def test_equation(utterances: Make, padded: Pad) -> None:
    speech = utterances([4, 1, 7], 3)
    norm = norm_of(3)
    output = over_rows(padded(speech, extra=2), norm)

    frames = np.concatenate([utterance.numpy() for utterance in speech])
    mean, variance = frames.mean(axis=0), frames.var(axis=0)
    gamma, beta = norm.weight.detach().numpy(), norm.bias.detach().numpy()
    for utterance, row in zip(speech, output.values, strict=True):
        expected = gamma * (utterance.numpy() - mean) / np.sqrt(variance + 1e-5) + beta
        np.testing.assert_allclose(row[: len(utterance)].detach().numpy(), expected, atol=1e-12)
        assert not row[len(utterance) :].any()
    np.testing.assert_allclose(norm.running_mean.numpy(), mean, atol=1e-12)
    np.testing.assert_allclose(norm.running_variance.numpy(), variance, atol=1e-12)


def test_maps_are_averaged_over_time_and_frequency(utterances: Make) -> None:
    speech = utterances([4, 2], 5, 3)
    norm = norm_of(3)
    maps = norm(torch.cat(speech))
    frames = torch.cat(speech).reshape(-1, 3)
    joined = norm_of(3)
    joined.load_state_dict(norm.state_dict())
    torch.testing.assert_close(maps.reshape(-1, 3), joined(frames))


@pytest.mark.parametrize("lengths", [(3, 1, 4), (1, 1), (5, 3, 3, 1)])
def test_gradients(lengths: tuple[int, ...], utterances: Make) -> None:
    norm = norm_of(2)
    rows = torch.cat(utterances(lengths, 2)).requires_grad_()

    def run(rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(norm, {"weight": weight, "bias": bias}, rows)

    assert torch.autograd.gradcheck(run, (rows, norm.weight, norm.bias))


def test_evaluation_takes_the_running_averages(utterances: Make) -> None:
    norm = norm_of(2)
    batches = [torch.cat(utterances([5, 3], 2, seed=seed)) * (seed + 1) for seed in range(12)]
    for batch in batches:
        norm(batch)
    mean = np.zeros(2)
    for number, batch in enumerate(batches):
        share = max(1 / (number + 1), 0.1)
        mean = mean + share * (batch.numpy().mean(axis=0) - mean)
    np.testing.assert_allclose(norm.running_mean.numpy(), mean, atol=1e-12)

    norm.eval()
    (speech,) = utterances([6], 2, seed=99)
    expected = (speech - norm.running_mean) / (norm.running_variance + 1e-5).sqrt()
    expected = expected * norm.weight + norm.bias
    torch.testing.assert_close(norm(speech), expected)


@pytest.mark.parametrize("batch", [0, 2])
def test_a_batch_without_frames_changes_nothing(batch: int) -> None:
    norm = norm_of(2)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    values = torch.full((batch, 3, 2), float("nan"), dtype=torch.float64, requires_grad=True)
    output = over_rows(Padded(values, torch.zeros(batch, dtype=torch.int64)), norm)
    output.values.sum().backward()

    assert not output.values.any()
    for name, value in norm.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert values.grad is not None
    assert not values.grad.any()
    assert norm.weight.grad is not None
    assert not norm.weight.grad.any()


def test_a_single_frame_is_finite(utterances: Make) -> None:
    norm = norm_of(2)
    torch.testing.assert_close(norm(*utterances([1], 2))[0], norm.bias)
    assert norm.eval()(*utterances([3], 2)).isfinite().all()


def test_statistics_are_float32_under_autocast() -> None:
    norm = SequenceBatchNorm(4)
    # In bf16 the deviations of 1 around 300 would be lost.
    rows = (300 + torch.randn(2000, 4)).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = norm(rows)
        output.square().sum().backward()
    assert output.dtype == torch.float32
    torch.testing.assert_close(output.std(dim=0), torch.ones(4), rtol=0.01, atol=0)
    assert rows.grad is not None
    assert rows.grad.isfinite().all()


def test_bf16_in_float32_out() -> None:
    norm = SequenceBatchNorm(4)
    rows = torch.randn(50, 4).bfloat16().requires_grad_()
    output = norm(rows)
    output.sum().backward()
    assert output.dtype == torch.float32
    assert rows.grad is not None
    assert rows.grad.dtype == torch.bfloat16
