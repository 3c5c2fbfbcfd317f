"""`ds2kit average`: which epochs, what it writes, and what it refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ds2kit import config as configs
from ds2kit import model_folder
from ds2kit.decoding.default import set_default
from ds2kit.registry import Toolkit
from ds2kit.training.epochs import Epochs

RATES = [0.3, 0.1, 0.2, 0.4, 0.5, 0.45]
"""On dev after each epoch. Two kept: the last are 5 and 6, the best 2 and 3."""


@pytest.fixture
def several(experiment: Path) -> Path:
    """The tiny experiment with weights after six epochs, of which two last and two best stay."""
    model, _ = model_folder.load(experiment / "model", Toolkit.installed())
    epochs = Epochs(experiment / "epochs")
    dev = {}
    for epoch, rate in enumerate(RATES, start=1):
        with torch.no_grad():
            model.output.bias.add_(1e-3)
        dev[epoch] = (rate, 1.0)
        epochs.keep(model, dev, 2)
    return experiment


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "epochs 2, 3"),
        (["--best", "1"], "epoch 2"),
        (["--best=2"], "epochs 2, 3"),
        (["--last", "1"], "epoch 6"),
        (["--last", "2"], "epochs 5, 6"),
    ],
)
def test_says_which_epochs(
    ds2kit: Callable[..., Any], several: Path, tmp_path: Path, options: list[str], told: str
) -> None:
    ran = ds2kit("average", several, tmp_path / "mean", *options)

    assert (ran.status, ran.err) == (0, "")
    assert ran.out == f"{tmp_path / 'mean'}: mean of the weights after {told}\n"


def test_five_where_there_are_more(
    ds2kit: Callable[..., Any], several: Path, tmp_path: Path
) -> None:
    epochs = Epochs(several / "epochs")
    for epoch in (1, 4):
        shutil.copy(epochs.weights(2), epochs.weights(epoch))

    ran = ds2kit("average", several, tmp_path / "mean")

    assert ran.out.endswith("after epochs 1, 2, 3, 4, 6\n")


def test_has_the_decoder_that_was_tuned(
    ds2kit: Callable[..., Any], several: Path, toy: list[str], tmp_path: Path
) -> None:
    toolkit = Toolkit.installed()
    config = configs.load(several / "model" / "config.yaml", toolkit, toy)
    set_default(several / "model", config, config.decoder, "`dev`.", toolkit)

    ds2kit("average", several, tmp_path / "mean")

    made = configs.load(tmp_path / "mean" / "config.yaml", toolkit)
    assert made.decoder.name == "rescoring"
    assert made.decoder.options["language_model"].options["path"].parent == tmp_path / "mean"
    assert made.makers["language_model/probabilities"] == "ds2kit-toy 1.0"


def test_transcribes_and_tells_what_it_is(
    ds2kit: Callable[..., Any], several: Path, tone: Callable[..., Path], tmp_path: Path
) -> None:
    target = tmp_path / "mean"
    ds2kit("average", several, target)
    shutil.rmtree(several)

    names = ["card.md", "config.yaml", "tokenizer.json", "weights.safetensors"]
    assert sorted(path.name for path in target.iterdir()) == names
    assert ds2kit("transcribe", target, tone("a b d c")).out == "a b d c\n"
    card = (target / "card.md").read_text()
    assert card.startswith("# A Deep Speech 2 model, averaged")
    assert (
        "the weights after 2 epochs, the best of a\ntraining:\n\n"
        "- epoch 2: error rate 10.00 % on dev\n- epoch 3: " in card
    )
    assert card.endswith("\n> # A tiny model\n")


def test_is_compared_with_the_best(
    ds2kit: Callable[..., Any], several: Path, tiny_data: Path, tmp_path: Path
) -> None:
    ds2kit("average", several, tmp_path / "mean")
    rates = []
    for folder in (several, tmp_path / "mean"):
        assert ds2kit("decode", folder, "dev", f"corpus.data={tiny_data}").status == 0
        rates.append(ds2kit("score", folder, "dev").out)

    assert rates[0] == rates[1]  # this one hears everything right either way
    assert "WER" in rates[0]


def test_a_place_that_cannot_be_written_is_told(
    ds2kit: Callable[..., Any], several: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("precious")
    ran = ds2kit("average", several, tmp_path / "file" / "mean")

    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "could not be written" in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exp", "file"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--last", "0"], "'--last'"),
        (["--best=-2"], "'--best'"),
        (["--last", "2", "--best", "2"], "exclude each other; give one"),
        (["--last", "3"], "the last 2 of 6 epochs, and 3 are asked for; ask for fewer, or"),
        (["--best", "3"], "the best 2 of 6 epochs, and 3 are asked for; ask for fewer, or"),
        (["--last", "9"], "with trainer.keep_epochs=9"),
    ],
)
def test_options_that_cannot_be(
    ds2kit: Callable[..., Any], several: Path, tmp_path: Path, options: list[str], told: str
) -> None:
    refused(ds2kit("average", several, tmp_path / "mean", *options), told, tmp_path / "mean")


def test_an_experiment_that_keeps_none(
    ds2kit: Callable[..., Any], experiment: Path, tmp_path: Path
) -> None:
    told = f"{experiment} keeps no weights of its epochs, which an average is of; train it further"
    refused(ds2kit("average", experiment, tmp_path / "mean"), told, tmp_path / "mean")


def test_what_is_no_experiment(ds2kit: Callable[..., Any], several: Path, tmp_path: Path) -> None:
    target = tmp_path / "mean"
    refused(ds2kit("average", tmp_path / "nowhere", target), "neither an experiment", target)
    told = "is a model folder, which has one set of weights; name the experiment"
    refused(ds2kit("average", several / "model", target), told, target)


@pytest.mark.parametrize("there", ["empty", "file", "model"])
def test_what_is_there_is_not_written_over(
    ds2kit: Callable[..., Any], several: Path, tmp_path: Path, there: str
) -> None:
    target = tmp_path / "mean"
    if there == "file":
        target.write_text("precious")
    else:
        target.mkdir()
        if there == "model":
            (target / "weights.safetensors").write_text("precious")
    before = [path.read_text() for path in tmp_path.glob("mean*/*")]

    ran = ds2kit("average", several, target)

    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "mean exists already; name a folder that does not" in ran.err
    assert [path.read_text() for path in tmp_path.glob("mean*/*")] == before


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("epochs/003.safetensors", lambda data: data[:-100], "003.safetensors cannot be read"),
        ("epochs/002.safetensors", lambda data: b"", "002.safetensors cannot be read"),
        ("epochs/dev.json", lambda data: data[:20], "dev.json is damaged"),
        ("tokenizer.json", lambda data: data.replace(b'"b",', b""), "003.safetensors was trained"),
        ("config.yaml", lambda data: data.replace(b"width: 24", b"width: 20"), "003.safetensors: "),
    ],
)
def test_a_damaged_file_is_named(
    ds2kit: Callable[..., Any],
    several: Path,
    tmp_path: Path,
    name: str,
    damage: Callable[[bytes], bytes],
    told: str,
) -> None:
    data = (several / name).read_bytes()
    assert damage(data) != data
    (several / name).write_bytes(damage(data))
    told = told.replace("003", "002") if not name.startswith("epochs") else told

    refused(ds2kit("average", several, tmp_path / "mean"), told, tmp_path / "mean")


def test_a_card_or_weights_that_are_gone(
    ds2kit: Callable[..., Any], several: Path, tmp_path: Path
) -> None:
    target = tmp_path / "mean"
    (several / "epochs" / "003.safetensors").unlink()
    told = "the best 1 of 6 epochs, and 2 are asked for"
    refused(ds2kit("average", several, target, "--best", "2"), told, target)
    (several / "epochs" / "002.safetensors").unlink()
    refused(
        ds2kit("average", several, target), "the best 0 of 6 epochs, and 1 are asked for", target
    )
    (several / "model" / "card.md").unlink()
    refused(ds2kit("average", several, target, "--last", "2"), "card.md is not there", target)


def refused(ran: Any, told: str, target: Path) -> None:
    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1), ran
    assert ran.err.startswith("ds2kit: ")
    assert told in ran.err
    assert not target.exists()
    assert not list(target.parent.glob(".*.partial"))
