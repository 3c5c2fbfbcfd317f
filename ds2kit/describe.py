"""The layers of a model in a table: shapes and work for a second of audio, parameters, latency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ds2kit.components import Encoder, Frontend, StreamingEncoder, StreamingFrontend, Tokenizer
from ds2kit.data.index import Index
from ds2kit.errors import UserError
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.types import Padded


@dataclass(frozen=True)
class Row:
    """A layer, for a second of audio.

    operations: multiplications and additions of its products
    delay_ms:   how long a stream waits for it; None where it does not stream
    """

    name: str
    frames: int
    features: int
    parameters: int
    operations: int
    delay_ms: float | None = None

    def __str__(self) -> str:
        shape, work = f"{self.frames} x {self.features}", f"{self.operations / 1e6:,.1f}"
        delay = "" if self.delay_ms is None else f"{self.delay_ms:g}"
        return f"{self.name:<22}{shape:>20}{self.parameters:>14,}{work:>12}{delay:>10}".rstrip()


def describe_model(model: AcousticModel) -> str:
    """The table of a trained model."""
    return _table(model.frontend, model.encoder, model.tokenizer.size)


def describe_config(config: Config, toolkit: Toolkit) -> str:
    """The table of the model that a config would train."""
    frontend = toolkit.make(config.frontend, config.data.sample_rate)
    encoder = toolkit.make(config.encoder, frontend.output_size)
    return _table(frontend, encoder, _vocabulary(config, toolkit))


def _vocabulary(config: Config, toolkit: Toolkit) -> int | None:
    """The tokenizer's size, where there are prepared transcripts to learn it from."""
    if config.corpus is None:
        return None
    folders = [config.corpus.data / split for split in config.weights]
    if not all(folder.is_dir() for folder in folders):
        return None
    component: type[Tokenizer] = toolkit.component("tokenizer", config.tokenizer.name)
    texts = (text for folder in folders for text in Index.load(folder).texts)
    learned: Tokenizer = toolkit.learn(config.tokenizer, component.learn, texts)
    return learned.size


@torch.no_grad()
def _table(frontend: Frontend, encoder: Encoder, vocabulary: int | None) -> str:
    frontend.eval()
    encoder.eval()
    delays, latency = _latency(frontend, encoder)
    rows = list(_rows(frontend, encoder, delays))
    if vocabulary is not None:
        products = encoder.output_size * vocabulary
        work = 2 * products * rows[-1].frames
        rows.append(Row("output", rows[-1].frames, vocabulary, products + vocabulary, work))
    total = sum(row.parameters for row in rows)
    step = 1000 * frontend.frame_seconds
    columns = f"{'frames x features':>20}{'parameters':>14}{'MFLOP':>12}{'delay ms':>10}"
    work = sum(row.operations for row in rows)
    lines = [f"{'layer':<22}{columns}", *map(str, rows)]
    lines.append(f"{'total':<42}{total:>14,}{work / 1e6:>12,.1f}")
    lines.append(f"sample rate {frontend.sample_rate} Hz; a frame each {step:g} ms")
    lines.append(f"total stride {encoder.stride}: an output each {step * encoder.stride:g} ms")
    lines.append(latency)
    if vocabulary is None:
        lines.append("without the output layer: its width is learned from prepared transcripts")
    return "\n".join(lines)


def _latency(frontend: Frontend, encoder: Encoder) -> tuple[dict[str, float], str]:
    """What a stream waits for each layer, in milliseconds, and a sentence about the whole."""
    try:
        for part in (frontend, encoder):
            if not isinstance(part, StreamingFrontend | StreamingEncoder):
                raise UserError(f"{type(part).__name__} has no steps for speech as it arrives")
            part.initial_state(1)
    except UserError as error:
        return {}, f"does not stream: {error}"
    assert isinstance(frontend, StreamingFrontend)
    assert isinstance(encoder, StreamingEncoder)
    delays = {"frontend": 1000 * frontend.delay / frontend.sample_rate}
    delays |= {n: 1000 * frames * frontend.frame_seconds for n, frames in encoder.delays()}
    return delays, f"streams: what is heard is certain after {sum(delays.values()):g} ms"


def _rows(frontend: Frontend, encoder: Encoder, delays: dict[str, float]) -> Iterator[Row]:
    second = Padded(torch.zeros(1, frontend.sample_rate), torch.tensor([frontend.sample_rate]))
    frames = second
    for name, layer in (("frontend", frontend), *encoder.stages()):
        frames, operations = _counted(layer, frames)
        parameters = sum(parameter.numel() for parameter in layer.parameters())
        count, features = int(frames.lengths[0]), frames.values.shape[-1]
        yield Row(name, count, features, parameters, operations, delays.get(name))


def _counted(layer: nn.Module, frames: Padded) -> tuple[Padded, int]:
    """A layer's output, and its operations: those that it says, else those that torch counts."""
    with FlopCounterMode(display=False) as counter:
        output: Padded = layer(frames)
    own: int | None = getattr(layer, "operations", None)
    counted = counter.get_total_flops()
    return output, counted if own is None else own * int(output.lengths[0])
