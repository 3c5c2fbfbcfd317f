"""The promises that frontends and encoders share: both are modules from `Padded` to `Padded`.

Each function takes the module as the author made it, utterances [time, ...] in float64, and the
word for what they are counted in (`frames`, `samples`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ds2kit.testing.batches import Filling, join, split
from ds2kit.testing.comparing import (
    FLOAT32_TOLERANCE,
    FLOAT64_TOLERANCE,
    buffers_of,
    change,
    changes,
    seasoned,
    without_dropout,
)
from ds2kit.types import Padded

PADDINGS: tuple[tuple[int, Filling], ...] = (
    (0, "zeros"),
    (3, "noise"),
    (1, "infinity"),
    (13, "NaN"),
)
"""Items beyond the longest utterance, and what all padding holds."""

REMEDY = "something reads padding; clear it with frames.cleared() before anything looks there"


def check_padding_in_evaluation(
    module: nn.Module, items: Sequence[Tensor], unit: str, dtype: torch.dtype
) -> None:
    """Alone, or among others in any order with anything as padding, an utterance gives the same."""
    tolerance = FLOAT64_TOLERANCE if dtype == torch.float64 else FLOAT32_TOLERANCE
    module = seasoned(module, items[-1]).to(dtype)
    items = [item.to(dtype) for item in items]
    with torch.no_grad():
        alone = [split(module(join([item])))[0] for item in items]
        for extra, filling in PADDINGS:
            together = split(module(join(items[::-1], extra=extra, filling=filling)))[::-1]
            for item, found, expected in zip(items, together, alone, strict=True):
                how = change(found, expected, tolerance)
                assert not how, (
                    f"the output of an utterance of {len(item)} {unit} {how} among others, when "
                    f"padding held {filling}, in evaluation and {dtype}: {REMEDY}"
                )


@dataclass(frozen=True)
class Passed:
    """What one forward and backward pass left, by utterance in the order of the items."""

    outputs: dict[str, Tensor]
    statistics: dict[str, Tensor]
    gradients: dict[str, Tensor]
    sound_gradients: dict[str, Tensor]
    padding_gradient: Tensor
    """The gradient of the loss by everything that was padding: [...]."""


def pass_through(
    module: nn.Module,
    items: Sequence[Tensor],
    *,
    training: bool,
    order: Sequence[int] | None = None,
    extra: int = 0,
    filling: Filling = "zeros",
) -> Passed:
    """Forward and backward of a copy; the loss weighs every output by a number of its own."""
    order = range(len(items)) if order is None else order
    module = without_dropout(copy.deepcopy(module)).train(training)
    batch = join([items[i] for i in order], extra=extra, filling=filling)
    batch.values.requires_grad_()
    outputs = split(module(batch))
    loss = torch.stack(
        [(output * _weights(i, output)).sum() for i, output in zip(order, outputs, strict=True)]
    ).sum()
    if loss.requires_grad:
        loss.backward()  # type: ignore[no-untyped-call]
    gradient = batch.values.grad
    gradient = torch.zeros_like(batch.values) if gradient is None else gradient
    parameters = {n: p.grad for n, p in module.named_parameters() if p.grad is not None}
    return Passed(
        {str(i): output.detach() for i, output in zip(order, outputs, strict=True)},
        buffers_of(module),
        parameters,
        {str(i): g for i, g in zip(order, split(Padded(gradient, batch.lengths)), strict=True)},
        gradient[~batch.mask()],
    )


def _weights(item: int, like: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(item)
    return torch.randn(like.shape, generator=generator, dtype=like.dtype)


def check_padding_in_training(module: nn.Module, items: Sequence[Tensor], unit: str) -> None:
    """The same utterances give the same outputs and running statistics, however they are joined."""
    module = seasoned(module, items[-1])
    expected = pass_through(module, items, training=True)
    for case, found in _variations(module, items, training=True):
        for i, item in enumerate(items):
            how = change(found.outputs[str(i)], expected.outputs[str(i)])
            assert not how, (
                f"the output of an utterance of {len(item)} {unit} {how} in training {case}: "
                f"{REMEDY}; normalisation counts valid frames only"
            )
        how = changes(found.statistics, expected.statistics)
        assert not how, (
            f"the buffer {how} in training {case}: running statistics count padding, or hang on "
            "the order of a batch; count valid frames only"
        )


def check_gradients(module: nn.Module, items: Sequence[Tensor], unit: str) -> None:
    """Gradients are finite, the same however utterances are joined, and nothing for padding."""
    module = seasoned(module, items[-1])
    for training in (True, False):
        mode = "training" if training else "evaluation"
        expected = pass_through(module, items, training=training)
        for name, gradient in expected.gradients.items():
            assert gradient.isfinite().all(), (
                f"the gradient of '{name}' is NaN or infinite in {mode}, with zeros as padding"
            )
        for case, found in _variations(module, items, training=training):
            how = changes(found.gradients, expected.gradients)
            assert not how, (
                f"the gradient of {how} in {mode} {case}: padding takes part in a gradient; "
                "replace it with torch.where (or frames.cleared()), since 0 * NaN is NaN"
            )
            for i, item in enumerate(items):
                how = change(found.sound_gradients[str(i)], expected.sound_gradients[str(i)])
                assert not how, (
                    f"the gradient by an utterance of {len(item)} {unit} {how} in {mode} {case}: "
                    f"{REMEDY}"
                )
            assert (found.padding_gradient == 0).all(), (
                f"the gradient by the padding is not zero in {mode} {case}: {REMEDY}"
            )


def _variations(
    module: nn.Module, items: Sequence[Tensor], *, training: bool
) -> list[tuple[str, Passed]]:
    """The pass over the same utterances in other orders and with other padding, and how."""
    generator = torch.Generator().manual_seed(3)
    varied = []
    for extra, filling in PADDINGS:
        order = torch.randperm(len(items), generator=generator).tolist()
        passed = pass_through(
            module, items, training=training, order=order, extra=extra, filling=filling
        )
        case = f"when the batch had another order, {extra} more of padding, holding {filling}"
        varied.append((case, passed))
    return varied


def check_keeps_nothing(module: nn.Module, items: Sequence[Tensor]) -> None:
    """What a batch gives does not hang on the batch before it."""
    module = without_dropout(seasoned(module, items[-1]))
    first, second = join(items[: len(items) // 2]), join(items[len(items) // 2 :])
    with torch.no_grad():
        for training in (False, True):
            mode = "training" if training else "evaluation"
            fresh, used = (copy.deepcopy(module).train(training) for _ in range(2))
            expected = split(fresh(second))
            before = buffers_of(used)
            used(first)
            if training:
                _restore(used, before)
            else:
                how = changes(buffers_of(used), before)
                assert not how, f"the buffer {how} in evaluation: only training may change it"
            for found, wanted in zip(split(used(second)), expected, strict=True):
                how = change(found, wanted)
                assert not how, (
                    f"the output of a batch {how} in {mode} when another batch went before it: "
                    "state is kept between batches; make it anew in each forward"
                )


def _restore(module: nn.Module, buffers: dict[str, Tensor]) -> None:
    for name, buffer in module.named_buffers():
        buffer.copy_(buffers[name])


def check_same_seed(module: nn.Module, items: Sequence[Tensor]) -> None:
    """After torch.manual_seed, two copies give the same bits, dropout included."""
    batch = join([item.float() for item in items])
    for training in (True, False):
        results = []
        for _ in range(2):
            copied = copy.deepcopy(module).float().train(training)
            torch.manual_seed(4)
            with torch.no_grad():
                results.append(split(copied(batch)))
        for found, expected in zip(*results, strict=True):
            assert torch.equal(found, expected), (
                "two copies gave different outputs after torch.manual_seed(4): draw from torch's "
                "generator only, never from `random`, numpy or the clock"
            )


def check_saving(trained: nn.Module, blank: nn.Module, items: Sequence[Tensor]) -> None:
    """A copy of `blank` that loads what `trained` saves gives the same."""
    restored = copy.deepcopy(blank).double().eval()
    state = trained.state_dict()
    with torch.no_grad():
        for tensor in restored.state_dict().values():
            tensor.fill_(1)
    for name, value in state.items():
        assert isinstance(value, Tensor), (
            f"state_dict holds '{name}', a {type(value).__name__}: only tensors can be saved"
        )
    restored.load_state_dict(copy.deepcopy(state))
    batch = join(items)
    with torch.no_grad():
        pairs = zip(split(restored(batch)), split(trained(batch)), strict=True)
        for found, expected in pairs:
            how = change(found, expected)
            assert not how, (
                f"the output {how} after saving and loading: something that was learned is not in "
                "state_dict; make it a parameter or a persistent buffer"
            )


def check_input_left_alone(module: nn.Module, items: Sequence[Tensor]) -> None:
    """forward writes into neither the values nor the lengths that it was given."""
    batch = join([item.float() for item in items], extra=2, filling="noise")
    values, lengths = batch.values.clone(), batch.lengths.clone()
    with torch.no_grad():
        copy.deepcopy(module).float()(batch)
    untouched = torch.equal(batch.values, values) and torch.equal(batch.lengths, lengths)
    assert untouched, "forward wrote into its input, which is the caller's: work on a copy"
