"""Products with a matrix that stays the same, in the type that was asked for."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

OWN, ROUNDED, LINEAR, PACKED, BATCHED, LOWER = range(6)
"""How a product is done; see `add_product`."""


@dataclass(frozen=True)
class Product:
    """A matrix, laid out once for many products with a few rows each; see `add_product`."""

    matrix: list[Tensor]
    mode: int


def product_with(matrix: Tensor, kind: torch.dtype) -> Product:
    """The product with `matrix`, [directions, k, m], of rows that are rounded to `kind`."""
    if matrix.device.type != "cpu":
        return Product([matrix.to(kind).contiguous()], BATCHED if kind == matrix.dtype else LOWER)
    if kind == matrix.dtype:
        return Product([part.contiguous() for part in matrix], OWN)
    if kind == torch.bfloat16 and not has_bf16():
        return Product([lowered(part, kind).contiguous() for part in matrix], ROUNDED)
    weights = [part.T.to(kind).contiguous() for part in matrix]
    if can_pack():
        return Product([torch.ops.mkldnn._reorder_linear_weight(w) for w in weights], PACKED)
    return Product(weights, LINEAR)


def add_product(out: Tensor, rows: Tensor, matrix: list[Tensor], mode: int) -> None:
    """out [directions, batch, m] += rows [directions, batch, k] @ matrix, for a `Product`.

    What is added up, and `out`, have the type that the matrix had. On a CPU each direction has a
    matrix, on a GPU all have one.
    """
    # TorchScript knows no constants of a module: the numbers are OWN, ROUNDED, ... LOWER.
    if mode == 4:
        out.baddbmm_(rows, matrix[0])
    elif mode == 5:
        out.add_(torch.bmm(rows.to(matrix[0].dtype), matrix[0]))
    else:
        for direction in range(len(matrix)):
            own, part, own_rows = out[direction], matrix[direction], rows[direction]
            if mode == 0:
                own.addmm_(own_rows, part)
            elif mode == 1:
                own.addmm_(own_rows.to(torch.bfloat16).to(out.dtype), part)
            elif mode == 2:
                own.add_(F.linear(own_rows.to(part.dtype), part))
            else:
                own.add_(packed_linear(own_rows.to(torch.bfloat16), part))


def packed_linear(rows: Tensor, packed: Tensor) -> Tensor:
    """[batch, k] to [batch, m] for a weight that `can_pack` says can be packed."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, packed, None, "none", [], "")
    return product


@cache
def can_pack() -> bool:
    """Whether torch's private packed product is there and does what we think it does."""
    weight = torch.arange(-24.0, 24.0).reshape(6, 8).bfloat16()
    rows = torch.arange(-12.0, 12.0).reshape(3, 8).bfloat16()
    try:
        packed = torch.ops.mkldnn._reorder_linear_weight(weight)
        found = packed_linear(rows, packed)
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
    if kind is None:
        return values
    low = values.to(kind)
    emulated = kind == torch.bfloat16 and values.device.type == "cpu" and not has_bf16()
    return low.to(torch.promote_types(values.dtype, torch.float32)) if emulated else low


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """[rows, k] to [rows, m]; under autocast in its type."""
    kind = product_type(rows)
    with torch.autocast(rows.device.type, enabled=False):
        rows, weight = lowered(rows, kind), lowered(weight, kind)
        return F.linear(rows, weight, None if bias is None else bias.to(rows.dtype))
