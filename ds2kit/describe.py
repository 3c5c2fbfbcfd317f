"""The layers of a model in a table: shapes for a second of audio, parameters, stride."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from ds2kit.components import Encoder, Frontend, Tokenizer
from ds2kit.data.index import Index
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.types import Padded

Row = tuple[str, str, int]
"""A layer's name, its shape for a second of audio, its parameters."""


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


def _table(frontend: Frontend, encoder: Encoder, vocabulary: int | None) -> str:
    rows = list(_rows(frontend, encoder))
    frames = rows[-1][1].split(" x ")[0]
    if vocabulary is not None:
        rows.append(("output", f"{frames} x {vocabulary}", (encoder.output_size + 1) * vocabulary))
    total = sum(parameters for _, _, parameters in rows)
    step = 1000 * frontend.frame_seconds
    lines = [f"{'layer':<22}{'frames x features':>20}{'parameters':>14}"]
    lines += [f"{name:<22}{shape:>20}{parameters:>14,}" for name, shape, parameters in rows]
    lines.append(f"{'total':<42}{total:>14,}")
    lines.append(f"sample rate {frontend.sample_rate} Hz; a frame each {step:g} ms")
    lines.append(f"total stride {encoder.stride}: an output each {step * encoder.stride:g} ms")
    if vocabulary is None:
        lines.append("without the output layer: its width is learned from prepared transcripts")
    return "\n".join(lines)


def _rows(frontend: Frontend, encoder: Encoder) -> Iterator[Row]:
    second = Padded(torch.zeros(1, frontend.sample_rate), torch.tensor([frontend.sample_rate]))
    with torch.no_grad():
        frontend.eval()
        encoder.eval()
        frames = frontend(second)
        yield "frontend", _shape(frames), _parameters(frontend)
        for name, layer in encoder.stages():
            frames = layer(frames)
            yield name, _shape(frames), _parameters(layer)


def _shape(frames: Padded) -> str:
    return f"{int(frames.lengths[0])} x {frames.values.shape[-1]}"


def _parameters(layer: nn.Module) -> int:
    return sum(parameter.numel() for parameter in layer.parameters())
