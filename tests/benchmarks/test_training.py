"""The benchmark of training: its arithmetic, its peers, and the figures it gives."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from ds2kit.types import Padded

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODULES = ("training", "variant", "peers", "network")
TINY = ["--convolutions", "2x2d", "--encoder", "channels=[2,3]", "--width", "8", "--layers", "2"]
TINY += ["--batch", "3", "--audio-seconds", "1.5", "--fill", "0.7"]
TINY += ["--repeats", "2", "--turn-seconds", "0", "--peak-size", "64"]
OPTIONS: dict[str, Any] = {
    "convolutions": "2x2d",
    "channels": [2, 3],
    "cell": "gru",
    "activation": "tanh",
    "width": 8,
    "layers": 2,
    "bidirectional": True,
    "fully_connected": 0,
}


@pytest.fixture
def in_this_process(bench: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Children that are no processes, and what they were asked for: (side, type, command)."""
    asked = []

    class Child:
        def __init__(self, request: dict[str, Any]) -> None:
            self.name = request["side"], request.get("type", "")
            peak = request["side"] == "peak"
            self.side = (bench.variant.Peak if peak else bench.variant.Variant)(request)

        def __enter__(self) -> Child:
            return self

        def __exit__(self, *_: object) -> None: ...

        def ask(self, command: str) -> Any:
            asked.append((*self.name, command))
            return json.loads(json.dumps(getattr(self.side, command)()))

    monkeypatch.setattr(bench.training, "Child", Child)
    return asked


def chosen(bench: Any, *arguments: str) -> Any:
    return bench.training.parser().parse_args([*TINY, *arguments])


def frames(lengths: list[int], features: int = 161) -> Padded:
    torch.manual_seed(0)
    values = torch.randn(len(lengths), max(lengths), features)
    return Padded(values, torch.tensor(lengths)).cleared()


@given(st.integers(2, 40), st.floats(1.0, 30.0), st.floats(0.05, 0.95))
@settings(max_examples=50)
def test_lengths_have_the_fill_that_was_asked_for(
    bench: Any, batch: int, mean_seconds: float, part: float
) -> None:
    fill = 1 / batch + part * (1 - 1 / batch)
    lengths = bench.network.drawn_lengths(batch, batch * mean_seconds, fill)

    assert len(lengths) == batch
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] >= 1
    # Whole frames: each utterance is half a frame off at most, and one at least.
    off = batch / max(lengths)
    assert sum(lengths) == pytest.approx(100 * batch * mean_seconds, abs=batch)
    assert bench.network.filled(lengths) == pytest.approx(fill, abs=off)


def test_lengths_of_the_paper_preset(bench: Any) -> None:
    lengths = bench.network.drawn_lengths(16, 100.0, 0.76)

    assert sum(lengths) == pytest.approx(10000, abs=8)
    assert bench.network.filled(lengths) == pytest.approx(0.76, abs=0.005)
    assert len(set(lengths)) > 12
    assert lengths == bench.network.drawn_lengths(16, 100.0, 0.76)


def test_operations_by_hand(bench: Any) -> None:
    network = bench.network.Network(OPTIONS)
    # 161 frequencies become 81, then 41; 5 and 3 frames become 3 and 2, then stay.
    first = 2 * (41 * 11) * 2 * 81 * (3 + 2)
    second = 2 * (21 * 11 * 2) * 3 * 41 * (3 + 2)
    found = bench.network.operations(network, [5, 3], {"recurrence": 70, "output": 8 * 29})

    assert found == {
        "convolution": 2 * first + 3 * second,
        "recurrence": 3 * 2 * 70 * 5,
        "output": 3 * 2 * 8 * 29 * 5,
    }


@pytest.mark.parametrize("cell", ["gru", "rnn"])
@pytest.mark.parametrize("convolutions", ["2x2d", "1x1d"])
def test_operations_are_those_that_torch_counts(bench: Any, cell: str, convolutions: str) -> None:
    options = OPTIONS | {"cell": cell, "convolutions": convolutions, "activation": "tanh"}
    options["channels"] = [2, 3] if convolutions == "2x2d" else [5]
    network = bench.network.Network(options)
    peer = bench.peers.Peer(network, packed=False)
    lengths = [40, 40, 40]

    with FlopCounterMode(display=False) as forward:
        output = peer.classify(frames(lengths))
    with FlopCounterMode(display=False) as backward:
        output.values.sum().backward()

    weights = bench.variant.matrix_weights(peer)
    expected = bench.network.operations(network, lengths, weights)
    # Nobody asks for the gradient of the zeros before the first frame either.
    gates = {"gru": 3, "rnn": 1}[cell]
    not_needed = 2 * 3 * (2 * gates * 8 * 8) * 2
    found = forward.get_total_flops() + backward.get_total_flops()
    assert found == sum(expected.values()) - not_needed


@pytest.mark.parametrize("cell", ["gru", "rnn", "lstm"])
def test_packed_is_exact_and_padded_is_not(bench: Any, cell: str) -> None:
    activation = "clipped_relu" if cell == "rnn" else "tanh"
    network = bench.network.Network(OPTIONS | {"cell": cell, "activation": activation})
    batch = frames([30, 12])
    alone = Padded(batch.values[1:, :12], batch.lengths[1:])
    apart = {}
    for packed in (True, False):
        torch.manual_seed(0)
        peer = bench.peers.Peer(network, packed=packed).eval()
        with torch.no_grad():
            together, single = peer.classify(batch), peer.classify(alone)
        length = int(single.lengths[0])
        assert together.lengths.tolist() == [15, length]
        assert torch.isfinite(together.values).all()
        apart[packed] = (together.values[1, :length] - single.values[0]).abs().max().item()

    assert apart[True] < 1e-5
    assert apart[False] > 1e-4


def test_both_sides_are_one_network(bench: Any) -> None:
    request = bench.training.request_of(chosen(bench)) | {"type": "fp32"}
    ours, theirs = (
        bench.variant.Variant(request | {"side": side}) for side in ("ds2kit", "packed")
    )

    assert [part for part, _ in bench.variant.stages(ours.model)] == [
        part for part, _ in bench.variant.stages(theirs.model)
    ]
    assert ours.about()["operations"] == theirs.about()["operations"]
    shapes = [
        (side.model.classify(side.frames).values.shape, side.frames.values.sum().item())
        for side in (ours, theirs)
    ]
    assert shapes[0] == shapes[1]


def test_the_figures(bench: Any, in_this_process: list[tuple[str, str, str]]) -> None:
    figures = bench.training.compared(chosen(bench))

    types = {"fp32", "bf16"}
    assert set(figures) == {
        *("ratio", "ratio_spread", "audio_seconds_per_second", "seconds_per_step"),
        *("peak_memory_mb", "peak_gflops", "share_of_peak", "profile", "network", "machine"),
    }
    assert {side: set(its) for side, its in figures["ratio"].items()} == {
        "packed": types,
        "padded": types,
    }
    for name in ("audio_seconds_per_second", "peak_memory_mb", "share_of_peak"):
        assert set(figures[name]) == {"ds2kit", "packed", "padded"}
        assert all(its[kind] > 0 for its in figures[name].values() for kind in types), name
    assert set(figures["peak_gflops"]) == set(figures["profile"]) == types
    for parts in figures["profile"].values():
        assert set(parts) == {"convolution", "recurrence", "output", "CTC", "batch norm"}
        assert parts["recurrence"]["seconds"] > 0
        assert parts["recurrence"]["seconds_at_peak"] > 0
        assert sum(its["share"] for its in parts.values()) == pytest.approx(1)
    network = figures["network"]
    assert network["lengths"] == bench.network.drawn_lengths(3, 1.5, 0.7)
    assert network["parameters"]["packed"] == network["parameters"]["padded"]
    assert "ds2kit against" in bench.training.report(figures)
    assert json.loads(json.dumps(figures)) == figures


def test_all_take_a_turn_in_each_round(
    bench: Any, in_this_process: list[tuple[str, str, str]]
) -> None:
    bench.training.compared(chosen(bench, "--only", "ds2kit", "padded", "fp32"))

    turns = [(side, kind) for side, kind, command in in_this_process if command == "turn"]
    ours, theirs, peak = ("ds2kit", "fp32"), ("padded", "fp32"), ("peak", "")
    assert turns == [peak, ours, theirs, peak, theirs, ours, peak, ours, theirs]


def test_medians_and_ratios_leave_the_first_round_out(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {"ds2kit": [0.1, 2.0, 4.0, 1.0], "packed": [90.0, 8.0, 8.0, 6.0]}

    class Child:
        def __init__(self, request: dict[str, Any]) -> None:
            self.side = request["side"]
            self.left = list(seconds.get(self.side, ()))

        def __enter__(self) -> Child:
            return self

        def __exit__(self, *_: object) -> None: ...

        def ask(self, command: str) -> Any:
            if self.side == "peak":
                return {"fp32": 20.0}
            if command == "turn":
                memory = 100 + len(self.left)
                return {"seconds": self.left.pop(0), "peak_memory_mb": memory}
            if command == "profile":
                return {"recurrence": 3.0, "CTC": 1.0}
            counts = {"operations": {"recurrence": 3e9, "output": 1e9}, "parameters": 1}
            return {"audio_seconds": 10.0, "fill": 1.0, "lengths": [1000], **counts}

    monkeypatch.setattr(bench.training, "Child", Child)
    arguments = ["--only", "ds2kit", "packed", "fp32", "--repeats", "3"]
    figures = bench.training.compared(chosen(bench, *arguments))

    rates = {"ds2kit": {"fp32": 5.0}, "packed": {"fp32": 1.25}}
    assert figures["audio_seconds_per_second"] == rates
    assert figures["share_of_peak"]["ds2kit"]["fp32"] == pytest.approx(4 / 2 / 20)
    # The median of the rounds' ratios, here that of the medians too.
    assert figures["ratio"] == {"packed": {"fp32": 4.0}}
    assert figures["ratio_spread"] == {"packed": {"fp32": [2.0, 6.0]}}
    assert figures["peak_memory_mb"]["packed"]["fp32"] == 101
    recurrence = {"seconds": 3.0, "share": 0.75, "seconds_at_peak": 0.15}
    assert figures["profile"]["fp32"]["recurrence"] == pytest.approx(recurrence)


class Slow(torch.autograd.Function):
    """Nothing, in a fifth of a second each way."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        time.sleep(0.2)
        return values.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        time.sleep(0.2)
        return gradient


@pytest.mark.parametrize("part", ["convolution", "recurrence"])
def test_the_profile_knows_which_part_is_slow(bench: Any, part: str) -> None:
    request = bench.training.request_of(chosen(bench)) | {"type": "fp32"}
    variant = bench.variant.Variant(request | {"side": "ds2kit"})
    layer = [layer for name, layer in bench.variant.stages(variant.model) if name == part][-1]

    def slowly(_: torch.nn.Module, inputs: tuple[Any]) -> tuple[Any]:
        slowed = Slow.apply(inputs[0].values)  # type: ignore[no-untyped-call]
        return (replace(inputs[0], values=slowed),)

    handle = layer.register_forward_pre_hook(slowly)
    slow = variant.parts(variant.model)
    handle.remove()

    assert set(slow) == {"convolution", "recurrence", "output", "CTC"}
    assert slow[part] > 0.4
    assert max(seconds for name, seconds in slow.items() if name != part) < 0.4


def test_a_step_learns_and_forgets_its_gradients(bench: Any) -> None:
    request = bench.training.request_of(chosen(bench, "--optimizer"))
    variant = bench.variant.Variant(request | {"side": "packed", "type": "fp32"})
    before = [parameter.clone() for parameter in variant.model.parameters()]
    variant.turn()

    changed = [not p.equal(b) for p, b in zip(variant.model.parameters(), before, strict=True)]
    assert sum(changed) > len(before) / 2
    assert all(parameter.grad is None for parameter in variant.model.parameters())


def test_the_quickstart_is_its_yaml(bench: Any) -> None:
    request = bench.training.request_of(
        bench.training.parser().parse_args(["--preset", "quickstart", "--width", "24"])
    )

    assert request["options"]["channels"] == [16, 16]
    assert request["options"]["width"] == 24
    assert request["options"]["layers"] == 3
    lengths = bench.network.drawn_lengths(*(request[k] for k in ("batch", "audio_seconds", "fill")))
    assert max(lengths) * len(lengths) == pytest.approx(2000, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--fill", "0.3"], "--fill is 0.3"), (["--only", "fp23"], "--only knows no fp23")],
)
def test_what_cannot_be_is_refused(
    bench: Any, in_this_process: object, arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit, match=told):
        bench.training.compared(chosen(bench, *arguments))


def test_the_script_runs_each_variant_in_a_process_of_its_own() -> None:
    command = [sys.executable, str(BENCHMARKS / "training.py"), *TINY]
    ran = subprocess.run(
        [*command, "--only", "ds2kit", "fp32", "--threads", "1", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(ran.stdout)

    assert figures["ratio"] == {}
    assert figures["machine"]["threads"] == 1
    # Imports of torch, and not of this process's.
    assert 100 < figures["peak_memory_mb"]["ds2kit"]["fp32"] < 2000
