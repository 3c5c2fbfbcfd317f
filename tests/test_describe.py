"""The table of a model against the model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ds2kit import config as configs
from ds2kit import model as models
from ds2kit import model_folder
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
        name, shape, number = line[:22].strip(), line[22:42].strip(), line[42:56]
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
    model, _ = model_folder.load(tiny_experiment / "model", Toolkit.installed())
    before = {name: value.clone() for name, value in model.state_dict().items()}

    describe_model(model)

    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def column(table: str, start: int, end: int) -> list[float]:
    """The numbers of a column of the layers, the total's not among them."""
    rows = table.splitlines()[1 : [r[:5] for r in table.splitlines()].index("total")]
    return [float(row[start:end].replace(",", "")) for row in rows if row[start:end].strip()]


def test_counts_the_operations_of_a_second(tiny_yaml: Path) -> None:
    """Against torch's own counter, over layers that torch knows: no recurrence among them."""
    toolkit = Toolkit.installed()
    options = ["encoder.fully_connected=2", "encoder.lookahead=3", "encoder.bidirectional=false"]
    model = models.build(configs.load(tiny_yaml, toolkit, options), Char(" abcd"), toolkit).eval()
    found = column(describe_model(model), 56, 68)
    frames = model.frontend(Padded(torch.zeros(1, 8000), torch.tensor([8000])))
    for (name, layer), mega in zip(model.encoder.stages(), found[1:-1], strict=True):
        following = layer(frames)
        if not name.startswith("recurrent"):
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                layer(frames)
            assert 1e6 * mega == pytest.approx(counter.get_total_flops(), rel=0.15, abs=5e4), name
        else:
            weights = layer.input.weight.numel() + layer.recurrent.numel()
            assert 1e6 * mega == pytest.approx(2 * weights * int(following.lengths), abs=5e4)
        frames = following


def test_a_layers_latency_is_what_a_stream_waits(tiny_yaml: Path) -> None:
    toolkit = Toolkit.installed()
    options = ["encoder.bidirectional=false", "encoder.lookahead=4"]
    model = models.build(configs.load(tiny_yaml, toolkit, options), Char(" abcd"), toolkit)
    table = describe_model(model)
    delays = column(table, 68, 78)
    # A window beyond the frame; 5 frames of reach to whole strides of 2; 4 output frames of 20 ms.
    assert delays == [10, 60, 0, 80, 0]
    assert "streams: what is heard is certain after 150 ms" in table
    assert sum(delays) == 1000 * model.delay / model.sample_rate


def test_says_why_it_does_not_stream(tiny_yaml: Path) -> None:
    toolkit = Toolkit.installed()
    model = models.build(configs.load(tiny_yaml, toolkit), Char(" abcd"), toolkit)
    assert "does not stream: deepspeech2 with bidirectional: true" in describe_model(model)
