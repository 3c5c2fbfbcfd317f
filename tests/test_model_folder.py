"""A model folder stands alone, loads exactly, and says what is wrong with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from ds2kit import model_folder
from ds2kit.errors import UserError
from ds2kit.registry import Toolkit


@pytest.fixture
def folder(tiny_experiment: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_experiment / "model", tmp_path / "model"))


def test_saved_and_loaded_it_is_the_same(folder: Path, tmp_path: Path) -> None:
    model, config = model_folder.load(folder, Toolkit.installed())
    model_folder.save(tmp_path / "again", model, config, "# Card\n")
    again, _ = model_folder.load(tmp_path / "again", Toolkit.installed())

    assert all(torch.equal(again.state_dict()[n], w) for n, w in model.state_dict().items())
    names = {path.name for path in (tmp_path / "again").iterdir()}
    assert names == {"config.yaml", "tokenizer.json", "weights.safetensors", "card.md"}


def test_half_halves_parameters_and_keeps_statistics(folder: Path, tmp_path: Path) -> None:
    model, config = model_folder.load(folder, Toolkit.installed())
    model_folder.save(tmp_path / "half", model, config, "# Card\n", half=True)
    half, _ = model_folder.load(tmp_path / "half", Toolkit.installed())

    for name, weight in model.named_parameters():
        assert torch.equal(half.get_parameter(name), weight.bfloat16().float()), name
    for name, buffer in model.named_buffers():
        assert torch.equal(half.get_buffer(name), buffer), name


def test_what_is_damaged_or_missing_is_told(folder: Path) -> None:
    weights = folder / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"weights\.safetensors cannot be read"):
        model_folder.load(folder, Toolkit.installed())
    weights.write_bytes(whole)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"tokenizer\.json is not there"):
        model_folder.load(folder, Toolkit.installed())
    with pytest.raises(UserError, match="is no model folder"):
        model_folder.load(folder / "nowhere", Toolkit.installed())


def test_another_models_weights_do_not_fit(folder: Path) -> None:
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("width: 24", "width: 20"))
    with pytest.raises(UserError, match="of another tokenizer or of other settings"):
        model_folder.load(folder, Toolkit.installed())


def test_a_plugin_that_is_gone_is_named_with_its_maker(folder: Path) -> None:
    config = (folder / "config.yaml").read_text()
    config = config.replace("name: deepspeech2", "name: conformer")
    config = config.replace("encoder/deepspeech2: ds2kit", "encoder/conformer: ds2kit-conformer")
    (folder / "config.yaml").write_text(config)
    with pytest.raises(UserError, match=r"conformer.*made with ds2kit-conformer"):
        model_folder.load(folder, Toolkit.installed())


def test_a_tokenizer_of_another_kind_is_refused(folder: Path) -> None:
    tree = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(tree | {"name": "bigram"}))
    with pytest.raises(UserError, match="is of tokenizer 'bigram', the config of 'char'"):
        model_folder.load(folder, Toolkit.installed())
