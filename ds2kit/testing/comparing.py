"""How a contract compares: tensors against tensors, in words for the author."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from ds2kit.testing.batches import join

FLOAT64_TOLERANCE = 1e-9
"""What rounding may do in float64; a leak does more."""

FLOAT32_TOLERANCE = 1e-4

Module = TypeVar("Module", bound=nn.Module)


def change(found: Tensor, expected: Tensor, tolerance: float = FLOAT64_TOLERANCE) -> str:
    """`changed by 0.3` where found is not expected, else nothing.

    The tolerance is relative to the largest expected value, and absolute below one.
    """
    if found.shape != expected.shape:
        return f"changed its shape from {list(expected.shape)} to {list(found.shape)}"
    if not found.numel():
        return ""
    if not found.isfinite().all():
        return "became NaN or infinite"
    expected = expected.to(found.dtype)
    apart = (found - expected).abs().max().item()
    scale = max(1.0, expected.abs().max().item())
    return "" if apart <= tolerance * scale else f"changed by {apart:.3g}"


def changes(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """The first of the named tensors that changed: `'convolution.bias' changed by 0.3`."""
    for name, tensor in expected.items():
        if name not in found:
            return f"'{name}' went missing"
        if how := change(found[name], tensor):
            return f"'{name}' {how}"
    return ""


def buffers_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of the module's buffers, such as running statistics."""
    return {name: buffer.clone() for name, buffer in module.named_buffers()}


def seasoned(module: Module, values: Tensor) -> Module:
    """A copy in float64 and evaluation mode, as a little training would leave it.

    Biases that begin at zero, and running statistics that begin at nothing, hide what leaks:
    parameters are moved by a tenth of their size, and one batch without padding, of the one
    utterance `values` [time, ...], goes through in training mode.
    """
    copied = copy.deepcopy(module).double()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in copied.parameters():
            size = parameter.abs().mean().item() or 1.0
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.1 * size * noise.to(parameter.device))
        copied.train()
        copied(join([values]))
    return copied.eval()


def without_dropout(module: Module) -> Module:
    """The module with torch's dropout switched off, also in training mode.

    Dropout draws by position in the batch, so it cannot be the same for another padding.
    """
    for part in module.modules():
        if isinstance(part, _DROPOUTS):
            part.p = 0.0
        elif isinstance(part, nn.RNNBase):
            part.dropout = 0.0
    return module


_DROPOUTS = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)
