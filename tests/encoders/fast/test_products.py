"""Products in the type that was asked for, packed and not, emulated and not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ds2kit.encoders.fast import products
from ds2kit.encoders.fast.products import (
    Product,
    add_product,
    can_pack,
    has_bf16,
    linear,
    lowered,
    product_with,
)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def add(out: Tensor, rows: Tensor, product: Product) -> None:
    add_product(out, rows, product.matrix, product.mode)


@pytest.fixture(params=["instructions", "none"])
def bf16(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines with and without instructions for bfloat16."""
    monkeypatch.setattr(products, "has_bf16", lambda: request.param == "instructions")


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_in_its_own_type_it_adds_the_product(kind: torch.dtype) -> None:
    rows, matrix = drawn(2, 3, 5).to(kind), drawn(2, 7, 5).to(kind).mT
    out = drawn(2, 3, 7).to(kind)
    expected = out + rows @ matrix
    add(out, rows, product_with(matrix, kind))
    torch.testing.assert_close(out, expected)


@pytest.mark.usefixtures("bf16")
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("batch", [1, 3, 17])
def test_in_bf16_it_rounds_what_is_multiplied(
    packed: bool, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if packed and not can_pack():
        pytest.skip("this CPU has no packed product in bfloat16")
    monkeypatch.setattr(products, "can_pack", lambda: packed)
    rows, matrix = drawn(2, batch, 64), drawn(2, 40, 64).mT
    out = torch.ones(2, batch, 40)
    add(out, rows, product_with(matrix, torch.bfloat16))
    expected = 1 + rows.bfloat16().float() @ matrix.bfloat16().float()
    torch.testing.assert_close(out, expected, rtol=2**-7, atol=0.02)  # the product's own rounding
    assert not torch.allclose(out, 1 + rows @ matrix, rtol=0, atol=1e-5)


def test_packing_is_tried_before_it_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    can_pack.cache_clear()
    monkeypatch.setattr(products, "packed_linear", lambda rows, weight: rows[:, :6])
    assert not can_pack()
    can_pack.cache_clear()

    def gone(rows: Tensor, packed: object) -> Tensor:
        raise AttributeError("no such operator")

    monkeypatch.setattr(products, "packed_linear", gone)
    assert not can_pack()
    can_pack.cache_clear()


def test_the_machine_is_asked() -> None:
    assert has_bf16() in (True, False)


@pytest.mark.usefixtures("bf16")
def test_lowered_values_are_rounded() -> None:
    values = drawn(9, 16)
    assert lowered(values, None) is values
    assert torch.equal(lowered(values, torch.bfloat16).float(), values.bfloat16().float())


@pytest.mark.usefixtures("bf16")
def test_linear_follows_autocast() -> None:
    rows, weight, bias = drawn(9, 16), drawn(4, 16), drawn(4)
    assert torch.equal(linear(rows, weight, bias), F.linear(rows, weight, bias))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = linear(rows, weight, bias)
        # What is in bfloat16 already, as a row convolution's output is there.
        again = linear(rows.bfloat16(), weight, bias)
    expected = F.linear(rows.bfloat16().float(), weight.bfloat16().float(), bias)
    torch.testing.assert_close(low.float(), expected, rtol=2**-6, atol=0.05)
    assert torch.equal(again, low)


@pytest.mark.usefixtures("bf16")
def test_gradients_arrive_in_the_parameters_type() -> None:
    rows, weight = drawn(9, 16).requires_grad_(), drawn(4, 16).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        linear(rows, weight, None).float().sum().backward()
    assert rows.grad is not None
    assert weight.grad is not None
    assert rows.grad.dtype == weight.grad.dtype == torch.float32
    torch.testing.assert_close(weight.grad, rows.detach().sum(0).expand(4, -1), atol=0.1, rtol=0.05)
