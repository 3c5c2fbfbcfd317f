"""The model in the repository: small, whole, and as good as its card says."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import ds2kit as package
from ds2kit import model_folder
from ds2kit.data.index import Index
from ds2kit.decoding.greedy import Greedy
from ds2kit.registry import Toolkit
from ds2kit.training.evaluation import Evaluation, evaluate
from ds2kit.types import Padded

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "digits"


def test_is_small_and_in_half_precision() -> None:
    files = sorted(path.name for path in MODEL.iterdir())
    weights = load_file(MODEL / "weights.safetensors")
    model, _ = model_folder.load(MODEL, Toolkit.installed())

    assert files == ["card.md", "config.yaml", "tokenizer.json", "weights.safetensors"]
    assert sum(path.stat().st_size for path in MODEL.iterdir()) <= 5_000_000
    assert all(weights[name].dtype == torch.bfloat16 for name, _ in model.named_parameters())


def test_its_card_says_what_it_is_made_of() -> None:
    card = (MODEL / "card.md").read_text(encoding="utf-8")

    for told in ("Free Spoken Digit Dataset", "CC BY-SA 4.0", "error rate", "transcribe"):
        assert told in card


def test_can_be_described(ds2kit: Callable[..., Any]) -> None:
    ran = ds2kit("describe", MODEL)

    assert ran.status == 0
    assert "sample rate 8000 Hz" in ran.out


def test_transcribes_right_after_installing(
    ds2kit: Callable[..., Any], corpora: Path, tmp_path: Path
) -> None:
    with tarfile.open(corpora / "digits" / "audio.tar") as archive:
        member = next(m for m in archive if Path(m.name).stem == "7_theo_0")
        file = tmp_path / Path(member.name).name
        file.write_bytes(archive.extractfile(member).read())

    assert ds2kit("transcribe", MODEL, file).out == "seven\n"
    (word,) = package.load(MODEL).transcribe(file).words
    assert word.text == "seven"
    assert word.confidence > 0.5


@pytest.fixture(scope="module")
def heard(digits: Callable[[str], Index]) -> Callable[[str], Evaluation]:
    """Decodes and scores a split of the recipe."""
    model, _ = model_folder.load(MODEL, Toolkit.installed())

    def evaluated(split: str) -> Evaluation:
        decoder = Greedy(model.tokenizer)
        return evaluate(model, decoder, digits(split), seconds_per_step=60.0, workers=0)

    return evaluated


def test_isolated_digits_of_the_official_test(heard: Callable[[str], Evaluation]) -> None:
    result = heard("test")

    assert (result.utterances, result.words.units) == (300, 300)
    assert result.words.rate <= 0.01


def test_connected_digits(heard: Callable[[str], Evaluation]) -> None:
    result = heard("test_connected")

    assert result.words.units == 300
    assert result.words.rate <= 0.02


def test_log_probabilities_are_those_that_it_was_saved_with() -> None:
    """What the code gave that trained it, for a sweep: the mean of each token's over the frames."""
    seconds = torch.arange(6000, dtype=torch.float64) / 8000
    sweep = torch.sin(2 * torch.pi * (200 + 900 * seconds) * seconds)
    sound = 0.15 * sweep * (1 + torch.sin(6 * torch.pi * seconds))
    model, _ = model_folder.load(MODEL, Toolkit.installed())
    with torch.inference_mode():
        found = model(Padded(sound.float()[None], torch.tensor([6000]))).values[0]

    assert found.argmax(dim=-1)[::6].tolist() == [0, 8, 0, 0, 0, 0, 0]
    assert found.mean(dim=0).tolist() == pytest.approx(THEN, abs=2e-4)


THEN = [
    *(-1.0859, -12.7883, -9.363, -10.5941, -16.4087, -14.642, -17.2653, -11.6033, -9.7104),
    *(-9.0051, -14.7045, -14.0991, -12.536, -15.2836, -15.5482, -14.4498, -14.3979),
]
