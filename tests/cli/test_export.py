"""`ds2kit export`: a model folder that stands alone."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

FILES = ["card.md", "config.yaml", "tokenizer.json", "weights.safetensors"]


@pytest.mark.parametrize("half", [[], ["--half"]])
def test_stands_alone_and_hears_the_same(
    ds2kit: Callable[..., Any],
    experiment: Path,
    tone: Callable[..., Path],
    tmp_path: Path,
    half: list[str],
) -> None:
    file = tone("a b d c")
    expected = ds2kit("transcribe", experiment, file).out
    target = tmp_path / "gifts" / "model"

    ran = ds2kit("export", experiment, target, *half)
    shutil.rmtree(experiment)

    assert ran.status == 0
    assert ran.out.startswith(f"{target}: 0.0")
    assert ran.out.endswith(" MB of weights\n")
    assert sorted(path.name for path in target.iterdir()) == FILES
    assert [path.name for path in target.parent.iterdir()] == ["model"]
    assert ds2kit("transcribe", target, file).out == expected == "a b d c\n"


def test_half_is_half_the_size_and_keeps_the_statistics(
    ds2kit: Callable[..., Any], experiment: Path, tmp_path: Path
) -> None:
    ds2kit("export", experiment, tmp_path / "whole")
    ds2kit("export", experiment, tmp_path / "half", "--half")
    whole = load_file(tmp_path / "whole" / "weights.safetensors")
    half = load_file(tmp_path / "half" / "weights.safetensors")

    assert whole.keys() == half.keys()
    kinds = {name: value.dtype for name, value in half.items() if value.is_floating_point()}
    assert set(kinds.values()) == {torch.bfloat16, torch.float32}
    for name in ("frontend.mean", "frontend.deviation"):
        assert torch.equal(half[name], whole[name]), name
    assert kinds["output.weight"] == torch.bfloat16
    parameters = [name for name in kinds if kinds[name] == torch.bfloat16]
    assert sum(half[n].nbytes for n in parameters) * 2 == sum(whole[n].nbytes for n in parameters)


def test_a_model_can_be_exported_again(
    ds2kit: Callable[..., Any], experiment: Path, tmp_path: Path
) -> None:
    ds2kit("export", experiment, tmp_path / "first")
    ds2kit("export", tmp_path / "first", tmp_path / "second")

    for name in FILES:
        first, second = (tmp_path / f / name for f in ("first", "second"))
        assert first.read_bytes() == second.read_bytes(), name


def test_the_card_goes_along(ds2kit: Callable[..., Any], experiment: Path, tmp_path: Path) -> None:
    ds2kit("export", experiment, tmp_path / "out")
    (experiment / "model" / "card.md").unlink()
    ran = ds2kit("export", experiment, tmp_path / "other")

    assert (tmp_path / "out" / "card.md").read_text() == "# A tiny model\n"
    assert ran.status == 1
    assert "card.md is not there; it belongs to the model" in ran.err
    assert not (tmp_path / "other").exists()


def test_what_is_there_is_not_written_over(
    ds2kit: Callable[..., Any], experiment: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")

    ran = ds2kit("export", experiment, tmp_path / "mine")

    assert (ran.status, ran.out) == (1, "")
    assert "exists already" in ran.err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["file"]


def test_a_full_disk_leaves_nothing(
    ds2kit: Callable[..., Any], experiment: Path, tmp_path: Path
) -> None:
    ds2kit("transcribe", experiment, tmp_path / "imports_what_it_needs.wav")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        ran = ds2kit("export", experiment, tmp_path / "new" / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert (ran.status, ran.out) == (1, "")
    assert "could not be written: File too large; nothing was kept" in ran.err
    assert ran.err.count("\n") == 1
    assert not list((tmp_path / "new").iterdir())
