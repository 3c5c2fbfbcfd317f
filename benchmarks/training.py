"""Seconds of audio trained a second: ds2kit beside the same network on torch.nn's recurrences.

    python benchmarks/training.py [--cell gru|rnn|lstm] [--preset quickstart] [--json]

A step is forward, CTC and backward from the features on, of a batch of mixed lengths; the
optimizer's step is part of it with --optimizer. Every variant has a process of its own, and in each
round all of them take a turn; figures are medians of the rounds, ratios are taken round by round.
`packed` is exact in its recurrence, `padded` lets the reverse direction read padding.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ds2kit.cli import process

# Neither torch nor ds2kit's networks here: a child's peak of memory begins at its parent's.

HERE = Path(__file__).resolve().parent
QUICKSTART = HERE.parent / "recipes" / "quickstart" / "english.yaml"
SIDES = ("ds2kit", "packed", "padded")
TYPES = {"cpu": ("fp32", "bf16"), "cuda": ("fp32", "bf16", "fp16")}
PEAK_SIZE = {"cpu": 2048, "cuda": 8192}

# With an input matrix for each direction, as torch has it: the same network on all sides.
PAPER: dict[str, Any] = {
    "options": {
        "convolutions": "2x2d",
        "cell": "gru",
        "width": 640,
        "layers": 4,
        "bidirectional": True,
        "shared_input": False,
        "fully_connected": 0,
    },
    "batch": 16,
    "fill": 0.76,
    "audio_seconds": 100.0,
}
Key = tuple[str, str]
"""A side and a type."""


def main() -> None:
    chosen = parser().parse_args()
    process.prepare()  # as ds2kit's command line does, before torch is imported
    figures = compared(chosen)
    print(json.dumps(figures) if chosen.json else report(figures))


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--preset", choices=("paper", "quickstart"), default="paper", help="a network and its batch"
    )
    add("--cell", choices=("gru", "rnn", "lstm"))
    add("--width", type=int)
    add("--layers", type=int)
    add("--convolutions", help="as 2x2d, the paper's table")
    add("--encoder", nargs="+", default=[], metavar="NAME=VALUE", help="other options of ds2kit's")
    add("--batch", type=int, help="utterances")
    add("--audio-seconds", type=float, help="of a batch, without padding")
    add("--fill", type=float, help="audio's share of the padded batch")
    add("--optimizer", action="store_true", help="clipping and AdamW are part of a step")
    add("--only", nargs="+", metavar="NAME", help=f"of {', '.join(SIDES)} and of the types")
    add("--repeats", type=int, default=3, help="rounds, after one that does not count")
    add("--turn-seconds", type=float, default=1.0, help="steps are repeated for so long at least")
    add("--peak-size", type=int, help="rows of the large square matrices")
    add("--threads", type=int, help="of each process; torch's choice if not given")
    add("--device", choices=tuple(TYPES), default="cpu")
    add("--json", action="store_true", help="one JSON object on stdout")
    return parser


def request_of(chosen: argparse.Namespace) -> dict[str, Any]:
    """The network and its batch: the preset's, but for what was given."""
    request = quickstart() if chosen.preset == "quickstart" else PAPER
    given = vars(chosen)
    options = dict(request["options"])
    for name in ("cell", "width", "layers", "convolutions"):
        if given[name] is not None:
            options[name] = given[name]
    # What torch's cells have: they rectify nothing but the simple one.
    options["activation"] = "clipped_relu" if options["cell"] == "rnn" else "tanh"
    for pair in chosen.encoder:
        name, _, value = pair.partition("=")
        options[name] = plain(value)
    batch = {name: given[name] or request[name] for name in ("batch", "fill", "audio_seconds")}
    if batch["batch"] > 1 and not 1 / batch["batch"] < batch["fill"] <= 1:
        least = 1 / batch["batch"]
        raise SystemExit(
            f"--fill is {batch['fill']}; it takes more than {least:.3f}, and at most 1"
        )
    passed = ("optimizer", "repeats", "turn_seconds", "threads", "device")
    size = given["peak_size"] or PEAK_SIZE[chosen.device]
    return batch | {name: given[name] for name in passed} | {"options": options, "peak_size": size}


def quickstart() -> dict[str, Any]:
    """The quickstart's network, and a full step as its plan makes them: seven, much alike."""
    from omegaconf import OmegaConf

    tree: Any = OmegaConf.to_container(OmegaConf.load(QUICKSTART))
    options = {name: value for name, value in tree["encoder"].items() if name != "name"}
    fill = 0.99
    return {
        "options": {"bidirectional": True, **options},
        "batch": 7,
        "fill": fill,
        "audio_seconds": fill * tree["data"]["seconds_per_step"],
    }


def plain(text: str) -> Any:
    """A value of JSON, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def wanted(device: str, only: Iterable[str] | None) -> list[Key]:
    """Sides and types, but for those that were not named; naming none of a kind names all."""
    names, kinds = set(only or ()), TYPES[device]
    if unknown := names - {*SIDES, *kinds}:
        known = ", ".join((*SIDES, *kinds))
        raise SystemExit(f"--only knows no {', '.join(sorted(unknown))}; it takes {known}")
    return [
        (side, kind)
        for side in SIDES
        if side in names or not names & set(SIDES)
        for kind in kinds
        if kind in names or not names & set(kinds)
    ]


class Child:
    """A process of variant.py, which waits for commands and answers them."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.name = f"{request['side']} {request.get('type', '')}".strip()
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "variant.py"), json.dumps(request)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def ask(self, command: str) -> Any:
        assert self.process.stdin is not None, "the process was made with a pipe"
        assert self.process.stdout is not None, "the process was made with a pipe"
        try:
            self.process.stdin.write(f"{command}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise SystemExit(f"{self.name} ended before '{command}'") from None
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended at '{command}'")
        return json.loads(answer)


def compared(chosen: argparse.Namespace) -> dict[str, Any]:
    """All figures of a run."""
    request, keys = request_of(chosen), wanted(chosen.device, chosen.only)
    kinds = list(dict.fromkeys(kind for _, kind in keys))
    with ExitStack() as stack:
        machine = stack.enter_context(Child(request | {"side": "peak", "types": kinds}))
        children = {
            key: stack.enter_context(Child(request | {"side": key[0], "type": key[1]}))
            for key in keys
        }
        about = {key: child.ask("about") for key, child in children.items()}
        rounds, peaks = [], []
        for i in range(chosen.repeats + 1):
            peaks.append(machine.ask("turn"))
            rounds.append(taken(children, backwards=i % 2 == 1, name=f"{i} of {chosen.repeats}"))
        peak = {kind: max(turn[kind] for turn in peaks) for kind in kinds}
        profiles = {
            kind: profile(child.ask("profile"), about[side, kind]["operations"], peak[kind])
            for (side, kind), child in children.items()
            if side == "ds2kit"
        }
        return {
            **measured(rounds[1:], about, peak),
            "peak_gflops": peak,
            "profile": profiles,
            "network": described(request, about),
            "machine": machine.ask("about"),
        }


def taken(children: dict[Key, Child], *, backwards: bool, name: str) -> dict[Key, Any]:
    """A turn of each child, told on stderr: the machine may not be quiet for all of them."""
    turns = {}
    for key in reversed(children) if backwards else children:
        turns[key] = children[key].ask("turn")
        print(f"round {name}: {' '.join(key)} {turns[key]['seconds']:.3f} s", file=sys.stderr)
    return turns


def measured(
    rounds: list[dict[Key, Any]], about: dict[Key, Any], peak: dict[str, float]
) -> dict[str, Any]:
    """What the rounds say of each variant, and of ds2kit against each of the others."""
    keys = list(about)
    seconds = {key: statistics.median(turns[key]["seconds"] for turns in rounds) for key in keys}
    gflop = {key: sum(about[key]["operations"].values()) / 1e9 for key in keys}
    ratios = {
        (side, kind): [
            turns[side, kind]["seconds"] / turns["ds2kit", kind]["seconds"] for turns in rounds
        ]
        for side, kind in keys
        if side != "ds2kit" and ("ds2kit", kind) in about
    }
    return {
        "ratio": nested({key: statistics.median(every) for key, every in ratios.items()}),
        "ratio_spread": nested({key: [min(every), max(every)] for key, every in ratios.items()}),
        "audio_seconds_per_second": nested(
            {key: about[key]["audio_seconds"] / seconds[key] for key in keys}
        ),
        "seconds_per_step": nested(seconds),
        "peak_memory_mb": nested({key: rounds[-1][key]["peak_memory_mb"] for key in keys}),
        "share_of_peak": nested({key: gflop[key] / seconds[key] / peak[key[1]] for key in keys}),
    }


def profile(
    seconds: dict[str, float], operations: dict[str, int], peak_gflops: float
) -> dict[str, dict[str, float]]:
    """Each part of a step: its seconds, its share, and the seconds of its products at the peak."""
    whole = sum(seconds.values())
    return {
        part: {
            "seconds": its,
            "share": its / whole,
            "seconds_at_peak": operations.get(part, 0) / (1e9 * peak_gflops),
        }
        for part, its in seconds.items()
    }


def described(request: dict[str, Any], about: dict[Key, Any]) -> dict[str, Any]:
    """The network, its batch and what a step is."""
    sides = {side: its for (side, _), its in about.items()}
    any_one = next(iter(sides.values()))
    return {
        **request["options"],
        "batch": request["batch"],
        **{name: any_one[name] for name in ("audio_seconds", "fill", "lengths")},
        "optimizer_step": request["optimizer"],
        "parameters": {side: its["parameters"] for side, its in sides.items()},
        "gflop_per_step": {
            side: sum(its["operations"].values()) / 1e9 for side, its in sides.items()
        },
    }


def nested(flat: dict[Key, Any]) -> dict[str, dict[str, Any]]:
    """By side, then by type."""
    figures: dict[str, dict[str, Any]] = {}
    for (side, kind), figure in flat.items():
        figures.setdefault(side, {})[kind] = figure
    return figures


def report(figures: dict[str, Any]) -> str:
    """The figures for people."""
    network, machine = figures["network"], figures["machine"]
    step = "forward, CTC, backward" + (", optimizer" if network["optimizer_step"] else "")
    instructions = ", ".join(machine["bf16_instructions"]) or "none"
    peaks = ", ".join(f"{kind} {its:.0f}" for kind, its in figures["peak_gflops"].items())
    lines = [
        f"network   {network['convolutions']}, {network['layers']} x {network['cell']} "
        f"{network['width']}; parameters: "
        + ", ".join(f"{side} {count:,}" for side, count in network["parameters"].items()),
        f"batch     {network['batch']} utterances, {network['audio_seconds']:.1f} s of audio, "
        f"{network['fill']:.0%} of the padded rectangle",
        f"step      {step}",
        f"machine   {machine['gpu'] or machine['cpu']}, {machine['threads']} threads, "
        f"{machine['capability']}, bf16 instructions: {instructions}, torch {machine['torch']}",
        f"peak      GFLOP/s of a large product: {peaks}",
        "",
        f"{'':14}{'audio s/s':>12}{'s a step':>12}{'of peak':>12}{'peak MB':>12}",
    ]
    for side, rates in figures["audio_seconds_per_second"].items():
        for kind, rate in rates.items():
            lines.append(
                f"{side:8}{kind:6}{rate:12.2f}{figures['seconds_per_step'][side][kind]:12.3f}"
                f"{figures['share_of_peak'][side][kind]:12.1%}"
                f"{figures['peak_memory_mb'][side][kind]:12.0f}"
            )
    return "\n".join([*lines, *ratio_lines(figures), *profile_lines(figures)])


def ratio_lines(figures: dict[str, Any]) -> Iterable[str]:
    memory = figures["peak_memory_mb"]
    if figures["ratio"]:
        yield f"\n{'ds2kit against':14}{'times':>12}{'of rounds':>18}{'memory':>12}"
    for side, ratios in figures["ratio"].items():
        for kind, ratio in ratios.items():
            least, most = figures["ratio_spread"][side][kind]
            spread = f"{least:.2f} to {most:.2f}"
            more = memory["ds2kit"][kind] / memory[side][kind]
            yield f"{side:8}{kind:6}{ratio:12.2f}{spread:>18}{more:12.2f}"


def profile_lines(figures: dict[str, Any]) -> Iterable[str]:
    for kind, parts in figures["profile"].items():
        yield f"\n{'ds2kit ' + kind:20}{'s a step':>12}{'share':>12}{'at peak':>12}"
        for part, its in parts.items():
            at_peak = f"{its['seconds_at_peak']:12.3f}" if its["seconds_at_peak"] else ""
            yield f"{part:20}{its['seconds']:12.3f}{its['share']:12.1%}{at_peak}"


if __name__ == "__main__":
    main()
