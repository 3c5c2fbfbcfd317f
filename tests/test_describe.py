"""The table of a model against the model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from ds2kit import config as configs
from ds2kit import model as models
from ds2kit.describe import describe_config, describe_model
from ds2kit.registry import Toolkit
from ds2kit.text.char import Char
from ds2kit.types import Padded

OVERRIDES = [
    [],
    ["encoder.convolutions=3x2d", "encoder.channels=null", "encoder.layers=3"],
    ["encoder.convolutions=2x1d", "encoder.channels=[8, 8]", "encoder.cell=rnn"],
    ["encoder.bidirectional=false", "encoder.lookahead=4", "encoder.fully_connected=0"],
    ["data.sample_rate=16000", "frontend={name: log_spectrogram, step_ms: 20}"],
]


def cells(table: str) -> list[tuple[str, str, int]]:
    """(layer, shape, parameters) of each row, the total's last."""
    found = []
    for line in table.splitlines()[1:]:
        if line.startswith("sample rate"):
            return found
        name, shape, number = line[:22].strip(), line[22:42].strip(), line[42:]
        found.append((name, shape, int(number.replace(",", ""))))
    raise AssertionError(table)


@pytest.mark.parametrize("overrides", OVERRIDES, ids=str)
def test_says_what_the_model_is(tiny_yaml: Path, overrides: list[str]) -> None:
    toolkit = Toolkit.installed()
    config = configs.load(tiny_yaml, toolkit, overrides)
    model = models.build(config, Char(" abcd"), toolkit).eval()
    second = Padded(torch.zeros(1, model.sample_rate), torch.tensor([model.sample_rate]))
    frames, log_probs = model.frontend(second), model(second)

    table = describe_model(model)

    rows = cells(table)
    assert rows[0] == ("frontend", f"{frames.values.shape[1]} x {frames.values.shape[2]}", 0)
    assert rows[-2][:2] == ("output", f"{log_probs.values.shape[1]} x 6")
    assert rows[-1] == ("total", "", sum(p.numel() for p in model.parameters()))
    assert sum(row[2] for row in rows[:-1]) == rows[-1][2]
    stride = model.encoder.stride
    step = 1000 * model.frontend.frame_seconds
    assert f"total stride {stride}: an output each {stride * step:g} ms" in table
    assert f"sample rate {model.sample_rate} Hz; a frame each {step:g} ms" in table


def test_a_config_is_described_as_its_model_will_be(tiny_yaml: Path) -> None:
    toolkit = Toolkit.installed()
    config = configs.load(tiny_yaml, toolkit)

    table = describe_config(config, toolkit)

    assert table == describe_model(models.build(config, Char(" abcd"), toolkit))


def test_without_prepared_speech_the_output_layer_is_left_out(
    tiny_yaml: Path, tmp_path: Path
) -> None:
    toolkit = Toolkit.installed()
    moved = Path(shutil.copy(tiny_yaml, tmp_path))
    config = configs.load(moved, toolkit, [f"corpus.data={tmp_path}/nothing"])

    table = describe_config(config, toolkit)

    assert "output" not in [row[0] for row in cells(table)]
    assert "its width is learned from prepared transcripts" in table


def test_the_model_is_left_as_it_was(tiny_experiment: Path) -> None:
    model, _ = models.load(tiny_experiment / "model", Toolkit.installed())
    before = {name: value.clone() for name, value in model.state_dict().items()}

    describe_model(model)

    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
