"""An experiment or a model folder: which model and which config are meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ds2kit.errors import UserError
from ds2kit.registry import Toolkit
from ds2kit.training.places import find


def test_the_model_of_an_experiment_and_a_model_by_itself(tiny_experiment: Path) -> None:
    model = tiny_experiment / "model"

    assert (find(tiny_experiment).folder, find(tiny_experiment).model) == (tiny_experiment, model)
    assert (find(model).folder, find(model).model) == (model, model)


def test_the_config_is_the_one_of_the_place(tiny_experiment: Path, tiny_data: Path) -> None:
    toolkit = Toolkit.installed()

    experiment = find(tiny_experiment).config(toolkit)
    model = find(tiny_experiment / "model").config(toolkit)
    told = find(tiny_experiment / "model").config(toolkit, [f"corpus.data={tiny_data}"])

    assert experiment.speech.data == tiny_data
    assert model.corpus is None
    assert told.speech.data == tiny_data
    assert experiment.encoder == model.encoder


def test_how_it_is_used_may_be_overridden(tiny_experiment: Path) -> None:
    overrides = ["data.workers=3", "data.seconds_per_step=7", "decoder.name=greedy"]

    config = find(tiny_experiment).config(Toolkit.installed(), overrides)

    assert (config.data.workers, config.data.seconds_per_step) == (3, 7.0)
    assert config.data.sample_rate == 8000


@pytest.mark.parametrize(
    "override",
    ["encoder.width=9", "data.sample_rate=16000", "data.on_bad=skip", "seed=2", "corpus.dev=x"],
)
def test_what_would_make_another_model_is_refused(tiny_experiment: Path, override: str) -> None:
    with pytest.raises(UserError) as refused:
        find(tiny_experiment).config(Toolkit.installed(), [override])

    told = str(refused.value)
    assert f"'{override}' cannot be changed in a trained model" in told
    assert "decoder, corpus.data" in told


def test_a_folder_without_a_model_says_what_it_lacks(experiment: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for nothing in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(UserError, match="neither an experiment nor a model folder"):
            find(nothing)
    shutil.rmtree(experiment / "model")
    with pytest.raises(UserError, match="no model yet; it appears after the first epoch"):
        find(experiment)
