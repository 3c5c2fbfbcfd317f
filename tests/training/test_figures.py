"""Figures: whatever was said or measured, a PNG."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ds2kit import model_folder
from ds2kit.data.index import Index
from ds2kit.decoding.tune import Trial, Tuned, Weights
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.training.figures import (
    curves_figure,
    save_figure,
    tuning_figure,
    utterance_figure,
    waveform_figure,
)
from ds2kit.types import Score


@pytest.fixture(scope="module")
def model(tiny_experiment: Path) -> AcousticModel:
    return model_folder.load(tiny_experiment / "model", Toolkit.installed())[0]


def pixels(path: Path) -> tuple[int, int]:
    """Width and height of a PNG whose checksums are all right."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, kinds = 8, []
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        body = data[place + 4 : place + 8 + length]
        (checksum,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        assert zlib.crc32(body) == checksum
        kinds.append(body[:4])
        place += 12 + length
    assert (kinds[0], kinds[-1]) == (b"IHDR", b"IEND")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Any], tuple[int, int]]:
    """Saves a figure, and nothing is said on the way."""

    def save(figure: Any) -> tuple[int, int]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", DeprecationWarning)  # matplotlib's own, of pyparsing
            save_figure(figure, tmp_path / "plots" / "figure.png")
        assert [path.name for path in (tmp_path / "plots").iterdir()] == ["figure.png"]
        return pixels(tmp_path / "plots" / "figure.png")

    return save


def test_an_utterance_with_what_was_heard(
    model: AcousticModel, tiny_data: Path, saved: Callable[[Any], tuple[int, int]]
) -> None:
    index = Index.load(tiny_data / "dev")

    figure = utterance_figure(model, index, 4)

    above, below = figure.axes
    said = index.texts[4]
    assert above.get_title(loc="left") == f"said: {said}\nheard: {said}"
    assert below.get_xlim() == pytest.approx((0, index.seconds[4]))
    labels = [line.get_label() for line in below.lines]
    assert labels[0] == "blank"
    assert sorted(labels[1:]) == sorted(["␣", "a", "b", "c", "d"])
    assert saved(figure) == (1080, 720)


def test_probabilities_stand_at_their_seconds(model: AcousticModel) -> None:
    waveform = np.zeros(8000, np.float32)
    time = np.arange(1600) / 8000
    waveform[4000:5600] = 0.3 * np.sin(2 * np.pi * 1100 * time)
    waveform += 0.003 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)

    _, below = waveform_figure(model, waveform, "c").axes

    line = next(line for line in below.lines if line.get_label() == "c")
    peak = line.get_xdata()[np.argmax(line.get_ydata())]
    assert 0.4 < peak < 0.8
    assert max(line.get_ydata()) > 0.5


@pytest.mark.parametrize(
    "text", ["今天天气", "it costs $5_0 and $\\frac", "very " * 80, "", "%d {x} <b>"]
)
def test_any_text_can_be_shown(
    model: AcousticModel, saved: Callable[[Any], tuple[int, int]], text: str
) -> None:
    figure = waveform_figure(model, np.zeros(4000, np.float32), text)

    assert " ".join(text.split()) in " ".join(figure.axes[0].get_title(loc="left").split())
    assert saved(figure) == (1080, 720)


@pytest.mark.parametrize("samples", [0, 1, 159, 161])
def test_sound_of_any_length_can_be_drawn(
    model: AcousticModel, saved: Callable[[Any], tuple[int, int]], samples: int
) -> None:
    assert saved(waveform_figure(model, np.zeros(samples, np.float32), "a")) == (1080, 720)


def test_a_model_in_training_goes_on_in_training(model: AcousticModel) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    waveform_figure(model, np.zeros(4000, np.float32), "a")

    assert model.training
    model.eval()
    assert all(torch.equal(v, before[name]) for name, v in model.state_dict().items())


def test_curves_show_every_step_and_epoch(
    tiny_experiment: Path, saved: Callable[[Any], tuple[int, int]]
) -> None:
    lines = (tiny_experiment / "log.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]

    figure = curves_figure(events)

    loss, rates, learning, norm = figure.axes
    assert [len(line.get_xdata()) for line in loss.lines] == [48, 2]
    assert [list(line.get_ydata()) for line in rates.lines] == [[50.0, 50.0], [25.0, 25.0]]
    assert len(learning.lines[0].get_xdata()) == len(norm.lines[0].get_xdata()) == 48
    assert saved(figure) == (1200, 840)


def test_curves_of_a_training_that_has_just_begun_or_went_wrong(
    saved: Callable[[Any], tuple[int, int]],
) -> None:
    step = {"event": "step", "loss": 3.0, "learning_rate": 1e-3, "gradient_norm": 1.0}
    begun = [step | {"update": 1, "skipped": []}]
    wrong = [step | {"update": 1, "loss": float("nan"), "skipped": ["a"]}]

    assert saved(curves_figure(begun)) == saved(curves_figure(wrong)) == (1200, 840)


@pytest.mark.parametrize(
    "weights",
    [
        [(0.0, 0.0)],
        [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (1.5, 1.5)],  # in a line
        [(0.0, 0.0), (0.5, 0.5), (1.0, 0.0), (2.0, 3.0)],
    ],
    ids=["point", "line", "area"],
)
@pytest.mark.parametrize(("beams", "worst"), [([None], 0), ([4, 8, 16], 7), ([8], 5000)], ids=str)
def test_a_tuning(
    saved: Callable[[Any], tuple[int, int]],
    weights: list[tuple[float, float]],
    beams: list[int | None],
    worst: int,
) -> None:
    """However many weights and beams, and where none, or nearly all, is wrong."""

    def trial(errors: int, made: Weights | None) -> Trial:
        return Trial(made, Score(errors, 0, 0, 900), Score(errors, 0, 0, 4000), 1.0)

    surface = [trial(i * worst, Weights(*pair, beams[0])) for i, pair in enumerate(weights)]
    best = [trial(0, Weights(*weights[0], beam)) for beam in beams]
    tuned = Tuned(trial(worst, None), surface[0], best[-1], tuple(surface), tuple(best))

    assert saved(tuning_figure(tuned, "word", "dev")) == (1200, 540)
