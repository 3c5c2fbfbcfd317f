"""`ds2kit train`: wrong yamls are told whole, in one go, before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_all_problems_of_a_yaml_at_once(
    ds2kit: Callable[..., Any], tiny_data: Path, tmp_path: Path
) -> None:
    yaml = tmp_path / "wrong.yaml"
    yaml.write_text(
        f"corpus: {{data: {tiny_data}}}\n"
        "encoder: {name: deepspeech2, widht: 3, layers: many}\n"
        "tokenizer: {name: chars}\n"
        "trainer: {epochs: 1.5}\n"
        "optimiser: {name: adamw}\n"
    )
    ran = ds2kit("train", yaml, tmp_path / "exp")

    assert ran.status == 1
    for told in (
        "5 problems",
        "encoder.widht is not an option; did you mean 'width'?",
        "encoder.layers is 'many'; expected a whole number",
        "did you mean 'char'?",
        "trainer.epochs is 1.5; expected a whole number",
        "optimiser is not a section; did you mean 'optimizer'?",
    ):
        assert told in ran.err, (told, ran.err)
    assert "Traceback" not in ran.err
    assert not (tmp_path / "exp").exists()


def test_training_speech_that_cannot_be_learned_from_is_named(
    ds2kit: Callable[..., Any], tiny_yaml: Path, tmp_path: Path
) -> None:
    ran = ds2kit("train", tiny_yaml, tmp_path / "exp", "data.min_seconds=0.6")

    assert ran.status == 1
    assert "cannot be learned from" in ran.err
    assert "shorter than data.min_seconds=0.6: train/" in ran.err
    assert not (tmp_path / "exp").exists()


def test_a_missing_split_is_named(
    ds2kit: Callable[..., Any], tiny_yaml: Path, tmp_path: Path
) -> None:
    ran = ds2kit("train", tiny_yaml, tmp_path / "exp", "corpus.train=trian")

    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert "did you mean 'train'?" in ran.err
