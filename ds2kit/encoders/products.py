"""Products with a matrix that stays the same, in the type that was asked for."""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Product = Callable[[Tensor, Tensor], None]
"""(out [directions, batch, m], rows [directions, batch, k]): out += rows @ matrix."""


def product_with(matrix: Tensor, kind: torch.dtype) -> Product:
    """The product with `matrix`, [directions, k, m], of rows that are rounded to `kind`.

    What is added up, and `out`, have the matrix's own type. The matrix is laid out once here, as
    the product of a few rows wants it.
    """
    if kind == matrix.dtype:
        laid_out = matrix.contiguous()
        return lambda out, rows: _add(out, rows, laid_out)
    if matrix.device.type != "cpu":
        lower = matrix.to(kind)
        return lambda out, rows: _add_lower(out, rows, lower)
    if kind == torch.bfloat16 and not has_bf16():
        rounded = lowered(matrix, kind).contiguous()
        return lambda out, rows: _add(out, lowered(rows, kind), rounded)
    linears = [_linear(part.T.to(kind).contiguous()) for part in matrix]
    return lambda out, rows: _add_each(out, rows.to(kind), linears)


def _add(out: Tensor, rows: Tensor, matrix: Tensor) -> None:
    out.baddbmm_(rows, matrix)


def _add_lower(out: Tensor, rows: Tensor, matrix: Tensor) -> None:
    out.add_(torch.bmm(rows.to(matrix.dtype), matrix))


def _add_each(out: Tensor, rows: Tensor, linears: list[Callable[[Tensor], Tensor]]) -> None:
    for own, part, linear in zip(out, rows, linears, strict=True):
        own.add_(linear(part))


def _linear(weight: Tensor) -> Callable[[Tensor], Tensor]:
    """[batch, k] to [batch, m] for a weight [m, k] on a CPU, packed where torch can."""
    if not can_pack():
        return lambda rows: F.linear(rows, weight)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight)
    return lambda rows: _packed_linear(rows, packed)


def _packed_linear(rows: Tensor, packed: Any) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, packed, None, "none", [], "")
    return product


@cache
def can_pack() -> bool:
    """Whether torch's private packed product is there and does what we think it does."""
    weight = torch.arange(-24.0, 24.0).reshape(6, 8).bfloat16()
    rows = torch.arange(-12.0, 12.0).reshape(3, 8).bfloat16()
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight)
        found = _packed_linear(rows, packed)
    except (AttributeError, RuntimeError, TypeError):
        return False
    return torch.allclose(found.float(), F.linear(rows.float(), weight.float()), rtol=0.01)


@cache
def has_bf16() -> bool:
    """Whether this CPU has instructions for bfloat16; without, torch emulates them, slowly."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True  # elsewhere torch cannot say
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


def product_type(values: Tensor) -> torch.dtype | None:
    """The type that autocast asks products of such values to round to; None: their own."""
    device = values.device.type
    if values.dtype == torch.float64 or not torch.is_autocast_enabled(device):
        return None
    return torch.get_autocast_dtype(device)


def lowered(values: Tensor, kind: torch.dtype | None) -> Tensor:
    """Values rounded to `kind`; in a type that can be multiplied fast."""
    if kind is None or kind == values.dtype:
        return values
    low = values.to(kind)
    emulated = kind == torch.bfloat16 and values.device.type == "cpu" and not has_bf16()
    return low.to(values.dtype) if emulated else low


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """[rows, k] to [rows, m]; under autocast in its type."""
    kind = product_type(rows)
    with torch.autocast(rows.device.type, enabled=False):
        rows, weight = lowered(rows, kind), lowered(weight, kind)
        return F.linear(rows, weight, None if bias is None else bias.to(rows.dtype))
