"""The decoder of a model folder: written with its files, whole, replaced without leavings."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import pytest

from ds2kit import config as configs
from ds2kit import model_folder
from ds2kit.decoding import transcriber
from ds2kit.decoding.default import set_default
from ds2kit.errors import UserError
from ds2kit.options import Chosen
from ds2kit.registry import Toolkit

MODEL = "a\t0.5\n</s>\t0.5\n"


@pytest.fixture
def folder(experiment: Path, toy: list[str]) -> Path:
    return experiment / "model"


def make_default(folder: Path, path: Path, **options: object) -> None:
    toolkit = Toolkit.installed()
    chosen = Chosen(
        "decoder",
        "rescoring",
        {"language_model": Chosen("language_model", "probabilities", {"path": path})} | options,
    )
    overrides = [
        "decoder.name=rescoring",
        "decoder.language_model.name=probabilities",
        f"decoder.language_model.path={path}",
    ]
    config = configs.load(folder / model_folder.CONFIG, toolkit, overrides)
    set_default(folder, config, chosen, f"`dev`: lm_weight {options['lm_weight']}.", toolkit)


def test_it_stands_alone_in_the_folder(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "made" / "lm.1.txt"
    path.parent.mkdir()
    path.write_text(MODEL)
    weights = (folder / model_folder.WEIGHTS).read_bytes()

    make_default(folder, path, lm_weight=0.25, word_score=1.5)
    shutil.rmtree(path.parent)
    moved = Path(shutil.move(folder, tmp_path / "moved"))

    made = transcriber.load(moved, Toolkit.installed()).decoder
    assert type(made).__name__ == "Rescoring"
    assert made.lm_weight == 0.25  # type: ignore[attr-defined]
    assert made.word_score == 1.5  # type: ignore[attr-defined]
    assert made.language_model.knows("a")  # type: ignore[attr-defined]
    assert (moved / model_folder.WEIGHTS).read_bytes() == weights
    makers = configs.load(moved / model_folder.CONFIG, Toolkit.installed()).makers
    assert makers["language_model/probabilities"] == "ds2kit-toy 1.0"


def test_another_one_takes_its_place(folder: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    for i, name in enumerate(("first.txt", "second.lm")):
        (tmp_path / name).write_text(MODEL)
        make_default(folder, tmp_path / name, lm_weight=float(i))

    assert sorted(path.name for path in folder.iterdir()) == sorted([*before, "language_model.lm"])
    assert (folder / model_folder.CARD).read_text() == (
        "# A tiny model\n\nTuned on `dev`: lm_weight 1.0.\n"
    )
    assert (tmp_path / "first.txt").exists()


def test_the_same_again_changes_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lm.txt").write_text(MODEL)
    make_default(folder, tmp_path / "lm.txt", lm_weight=1.0)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}

    make_default(folder, folder / "language_model.txt", lm_weight=1.0)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_a_full_disk_leaves_the_model_as_it_was(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "lm.txt").write_text(MODEL + "b\t0.0001\n" * 4000)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(UserError, match="could not be written"):
            make_default(folder, tmp_path / "lm.txt", lm_weight=1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
