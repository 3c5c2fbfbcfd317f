"""What results depend on: other settings are refused, moved files are the same files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ds2kit import model_folder
from ds2kit.data.index import Index
from ds2kit.decoding.settings import SETTINGS, begin_with, settings_of
from ds2kit.errors import UserError
from ds2kit.options import Chosen

Settings = Callable[..., dict[str, Any]]


@pytest.fixture
def settings(tiny_experiment: Path, tiny_data: Path) -> Settings:
    """Those of a decoder with such options, of the tiny model or another."""

    def make(model: Path | None = None, **options: Any) -> dict[str, Any]:
        chosen = Chosen("decoder", "beam", options)
        folder = model or tiny_experiment / "model"
        return settings_of(folder, tiny_data, "test", Index.load(tiny_data / "test"), chosen)

    return make


def language_model(path: Path, text: str = "words") -> Chosen:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Chosen("language_model", "ngram", {"path": path})


def test_settings_are_all_that_results_depend_on(
    settings: Settings, tiny_data: Path, tiny_experiment: Path, tmp_path: Path
) -> None:
    found = settings(beam=8)

    assert found["index_digest"] == Index.load(tiny_data / "test").digest
    assert found["data"] == str(tiny_data)
    assert found["decoder"] == {"name": "beam", "beam": 8}
    copied = Path(shutil.copytree(tiny_experiment / "model", tmp_path / "model"))
    assert settings(copied)["model_digest"] == found["model_digest"]
    weights = copied / model_folder.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert settings(copied)["model_digest"] != found["model_digest"]


def test_options_that_json_has_no_word_for_are_no_difference(
    settings: Settings, tmp_path: Path
) -> None:
    for begun in (False, True):
        begin_with(tmp_path, settings(weights=(1.0, 2.0)), "decode", begun=begun)

    kept = json.loads((tmp_path / SETTINGS).read_text())
    assert kept["decoder"] == {"name": "beam", "weights": [1.0, 2.0]}


def test_the_same_files_may_lie_elsewhere(settings: Settings, tmp_path: Path) -> None:
    before = settings(language_model=language_model(tmp_path / "a" / "lm.arpa"))
    begin_with(tmp_path, before, "decode", begun=False)
    moved = settings(language_model=language_model(tmp_path / "b" / "language_model.arpa"))

    begin_with(tmp_path, moved, "decode", begun=True)

    kept = json.loads((tmp_path / SETTINGS).read_text())
    assert list(kept["files"].values()) == [str(tmp_path / "b" / "language_model.arpa")]


def test_another_file_under_the_same_path_is_noticed(settings: Settings, tmp_path: Path) -> None:
    path, lexicon = tmp_path / "lm.arpa", tmp_path / "lexicon.txt"
    lexicon.write_text("a\ta")
    before = settings(language_model=language_model(path), lexicon=lexicon)
    begin_with(tmp_path, before, "decode", begun=False)
    others = {
        "language model": settings(language_model=language_model(path, "other"), lexicon=lexicon)
    }
    language_model(path)
    lexicon.write_text("b\tb")
    others["lexicon"] = settings(
        language_model=Chosen("language_model", "ngram", {"path": path}), lexicon=lexicon
    )

    for other in others.values():
        with pytest.raises(UserError) as refused:
            begin_with(tmp_path, other, "decode", begun=True)
        told = str(refused.value)
        assert f"{tmp_path} was begun with other settings; remove it to decode anew" in told
        assert "sha256:" in told


def test_a_file_that_is_missing_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt cannot be read: No such file"):
        settings(lexicon=tmp_path / "none.txt")


def test_what_has_no_results_is_begun_anew(settings: Settings, tmp_path: Path) -> None:
    """A decoder that could not even be made, by a wrong file say, is in nobody's way."""
    begin_with(tmp_path, settings(beam=8), "decode", begun=False)

    begin_with(tmp_path, settings(beam=9), "decode", begun=False)

    assert json.loads((tmp_path / SETTINGS).read_text())["decoder"]["beam"] == 9
