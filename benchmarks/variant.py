"""One side of training.py in a process of its own: takes turns as it is told.

python benchmarks/variant.py REQUEST (JSON), then a command a line on stdin, an answer each.
"""

from __future__ import annotations

import json
import resource
import statistics
import string
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from network import (
    FEATURES,
    FRAMES_PER_SECOND,
    VOCABULARY,
    Network,
    drawn_lengths,
    filled,
    operations,
)
from peers import Peer
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ds2kit.components import BLANK
from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.frontends.log_spectrogram import LogSpectrogram
from ds2kit.model import AcousticModel
from ds2kit.text.char import Char
from ds2kit.training.loss import ctc_losses
from ds2kit.types import Padded

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
TOKENS_PER_SECOND = 14
MAX_NORM = 400.0
Seconds = dict[str, float]


class Variant:
    """A network, its batch, and the steps it takes.

    request: side, type, options (of the encoder), device, batch, audio_seconds, fill, optimizer,
        turn_seconds, repeats
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self.request, self.device = request, request["device"]
        self.network = Network(request["options"])
        self.lengths = drawn_lengths(request["batch"], request["audio_seconds"], request["fill"])
        self.frames, self.tokens = drawn_batch(self.lengths, self.device)
        torch.manual_seed(1)
        self.model = self.made()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)

    def made(self, **options: Any) -> Any:
        """The network, with other options of ds2kit's where they are given."""
        side = self.request["side"]
        if side == "ds2kit":
            encoder = DeepSpeech2(FEATURES, **{**self.network.options, **options})
            tokenizer = Char(string.ascii_lowercase + "' ")
            model: nn.Module = AcousticModel(LogSpectrogram(16000), encoder, tokenizer)
        else:
            model = Peer(self.network, packed=side == "packed")
        return model.to(self.device).train()

    def about(self) -> dict[str, Any]:
        """What does not change from turn to turn."""
        weights = matrix_weights(self.model)
        return {
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "operations": operations(self.network, self.lengths, weights),
            "audio_seconds": sum(self.lengths) / FRAMES_PER_SECOND,
            "fill": filled(self.lengths),
            "lengths": self.lengths,
        }

    def turn(self) -> Seconds:
        """Seconds of a step, in the mean over a turn, and the most memory there was so far."""
        begin, steps = clock(self.device), 0
        while not steps or clock(self.device) - begin < self.request["turn_seconds"]:
            self.find_gradients(self.model)
            if self.request["optimizer"]:
                nn.utils.clip_grad_norm_(self.model.parameters(), MAX_NORM)
                self.optimizer.step()
            self.model.zero_grad(set_to_none=True)
            steps += 1
        seconds = (clock(self.device) - begin) / steps
        return {"seconds": seconds, "peak_memory_mb": peak_memory_mb(self.device)}

    def find_gradients(self, model: Any, ended: Callable[[str], None] = lambda part: None) -> None:
        """Forward, CTC, backward; `ended` hears when output and CTC end in both directions."""
        with self.autocast():
            log_probs = model.classify(self.frames)
            ended("output")
            log_probs.values.register_hook(lambda _: ended("CTC"))
            total = ctc_losses(log_probs, self.tokens)[0].sum() / len(self.lengths)
        ended("CTC")
        torch.autograd.backward(total)

    def autocast(self) -> torch.autocast:
        """For ds2kit as Lightning's mixed precision, for the others as torch has it by default.

        Lightning keeps no cast weights, and packed recurrences would cast theirs at every frame.
        """
        mixed = self.request["type"] != "fp32"
        kind = TYPES[self.request["type"]] if mixed else torch.bfloat16
        keeps = self.request["side"] != "ds2kit"
        return torch.autocast(self.device, kind, enabled=mixed, cache_enabled=keeps)

    def profile(self) -> Seconds:
        """Medians of the seconds of each part of a step of ds2kit's.

        Batch norm is what a step takes longer than that of a network without.
        """
        models = (self.model, self.made(batch_norm=False))
        count = self.request["repeats"] + 1
        rounds = [[self.parts(model) for model in models] for _ in range(count)]
        full, bare = zip(*rounds[1:], strict=True)
        seconds = {part: statistics.median(one[part] for one in bare) for part in bare[0]}
        whole = statistics.median(sum(one.values()) for one in full)
        return seconds | {"batch norm": whole - sum(seconds.values())}

    def parts(self, model: Any) -> Seconds:
        """Seconds of each part of a step; one lasts until the next begins."""
        seconds: Seconds = defaultdict(float)
        last = clock(self.device)

        def ended(part: str) -> None:
            nonlocal last
            now = clock(self.device)
            seconds[part] += now - last
            last = now

        with heard(stages(model), ended):
            self.find_gradients(model, ended)
        ended(next(iter(seconds)))  # The first part's backward is the last.
        model.zero_grad(set_to_none=True)
        return dict(seconds)


class Peak:
    """What the machine is, and what it can do at most: products of large square matrices."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.device, self.kinds = request["device"], request["types"]
        self.size: int = request["peak_size"]

    def about(self) -> dict[str, Any]:
        flags = set(cpuinfo("flags", "Features").split())
        return {
            "device": self.device,
            "cpu": cpuinfo("model name"),
            "gpu": torch.cuda.get_device_name() if self.device == "cuda" else None,
            "threads": torch.get_num_threads(),
            "capability": torch.backends.cpu.get_cpu_capability(),
            "bf16_instructions": sorted(flags & {"avx512_bf16", "amx_bf16", "bf16"}),
            "torch": torch.__version__,
        }

    def turn(self) -> dict[str, float]:
        """GFLOP/s in each type."""
        return {kind: self.gflops(TYPES[kind]) for kind in self.kinds}

    def gflops(self, kind: torch.dtype) -> float:
        matrix = torch.randn(self.size, self.size, device=self.device).to(kind)
        product = matrix @ matrix
        begin = clock(self.device)
        torch.mm(matrix, matrix, out=product)
        return 2e-9 * self.size**3 / (clock(self.device) - begin)


def clock(device: str) -> float:
    """Seconds, when everything that was asked of the device is done."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_memory_mb(device: str) -> float:
    if device == "cuda":
        return float(torch.cuda.max_memory_allocated()) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def drawn_batch(lengths: list[int], device: str) -> tuple[Padded, Padded]:
    """Features and transcripts of random numbers, the same in every process."""
    draw = torch.Generator().manual_seed(1)
    features = [torch.randn(length, FEATURES, generator=draw) for length in lengths]
    counts = [max(1, length * TOKENS_PER_SECOND // FRAMES_PER_SECOND) for length in lengths]
    tokens = [torch.randint(BLANK + 1, VOCABULARY, (count,), generator=draw) for count in counts]
    return padded(features, device), padded(tokens, device)


def padded(sequences: list[Tensor], device: str) -> Padded:
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return Padded(pad_sequence(sequences, batch_first=True).to(device), lengths.to(device))


def stages(model: Any) -> list[tuple[str, nn.Module]]:
    """The layers below the output in order, each with the part it belongs to."""
    layers = (model if isinstance(model, Peer) else model.encoder).stages()
    return [
        (name.rstrip("0123456789 ").replace("recurrent", "recurrence"), layer)
        for name, layer in layers
    ]


def matrix_weights(model: Any) -> dict[str, int]:
    """Numbers in the matrices of each part above the convolutions."""
    weights: Counter[str] = Counter()
    for part, layer in [*stages(model), ("output", model.output)]:
        if part != "convolution":
            weights[part] += sum(p.numel() for p in layer.parameters() if p.dim() > 1)
    return dict(weights)


@contextmanager
def heard(layers: list[tuple[str, nn.Module]], ended: Callable[[str], None]) -> Iterator[None]:
    """`ended` hears of the end of each layer's forward, and of the backward of the one above.

    In a chain of layers the gradient of an output is there when the layer above is done.
    """

    def hook(part: str, above: str) -> Callable[[nn.Module, Any, Any], None]:
        def hear(layer: nn.Module, inputs: Any, output: Any) -> None:
            ended(part)
            learned(output).register_hook(lambda _: ended(above))  # type: ignore[no-untyped-call]

        return hear

    above = [*[part for part, _ in layers[1:]], "output"]
    handles = [
        layer.register_forward_hook(hook(part, following))
        for (part, layer), following in zip(layers, above, strict=True)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def learned(output: Any) -> Tensor:
    """The tensor of a layer's output that has a gradient."""
    parts: Iterable[Any] = [output] if isinstance(output, Tensor) else vars(output).values()
    return next(part for part in parts if isinstance(part, Tensor) and part.requires_grad)


def cpuinfo(*names: str) -> str:
    """A line of the kernel's description of the processor; empty where it has none."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() in names), "")


def main() -> None:
    request = json.loads(sys.argv[1])
    if request["threads"]:
        torch.set_num_threads(request["threads"])
    side = Peak(request) if request["side"] == "peak" else Variant(request)
    for line in sys.stdin:
        print(json.dumps(getattr(side, line.strip())()), flush=True)


if __name__ == "__main__":
    main()
