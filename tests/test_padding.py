"""Every test utterance of digits, alone and among longer neighbours with NaN in the padding."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from ds2kit import model_folder
from ds2kit.audio.read import read
from ds2kit.decoding.greedy import Greedy
from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.frontends.log_spectrogram import LogSpectrogram
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.testing.batches import join, split
from ds2kit.text.char import Char
from ds2kit.types import Padded

TRAINED = Path(__file__).resolve().parents[1] / "models" / "digits"

TEST = re.compile(r"\d_[a-z]+_[0-4]")
"""Names of the corpus's official test recordings."""

BATCH = 20


@pytest.fixture(scope="module")
def waveforms(corpora: Path) -> list[torch.Tensor]:
    """The 300 test recordings, the shortest first: each [samples] at 8 kHz."""
    with tarfile.open(corpora / "digits" / "audio.tar") as archive:
        found = [
            read(archive.extractfile(member).read(), 8000)
            for member in archive
            if TEST.fullmatch(Path(member.name).stem)
        ]
    assert len(found) == 300
    return [torch.from_numpy(waveform) for waveform in sorted(found, key=len)]


@pytest.fixture(scope="module")
def model(waveforms: list[torch.Tensor]) -> AcousticModel:
    """The trained model of digits where it is in the repository, else an untrained one that has
    learned statistics."""
    if TRAINED.is_dir():
        return model_folder.load(TRAINED, Toolkit.installed())[0]
    torch.manual_seed(1)
    frontend = LogSpectrogram(8000)
    frontend.learn([join(waveforms)])
    encoder = DeepSpeech2(frontend.output_size, channels=[8, 8], width=48, layers=2)
    model = AcousticModel(frontend, encoder, Char(" abcdefghijklmnopqrstuvwxyz"))
    model.train()
    with torch.no_grad():
        model(join(waveforms[::10]))  # running statistics
        model.output.weight.mul_(20)  # as decided as a trained one
    return model.eval()


def batches(waveforms: list[torch.Tensor], filling: str) -> Iterator[Padded]:
    """All of them, some at a time; the last of each batch is a longer neighbour."""
    for begin in range(0, len(waveforms), BATCH):
        some = waveforms[begin : begin + BATCH]
        longer = torch.cat([waveforms[-1 - begin], some[-1]])
        yield join([*some, longer], extra=333, filling=filling)


def texts(model: AcousticModel, log_probs: list[torch.Tensor]) -> list[str]:
    return [best[0].text for best in Greedy(model.tokenizer).decode(join(log_probs))]


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=str
)
def test_an_utterance_is_heard_alone_as_among_others(
    model: AcousticModel, waveforms: list[torch.Tensor], dtype: torch.dtype, tolerance: float
) -> None:
    model = model.to(dtype)
    waveforms = [waveform.to(dtype) for waveform in waveforms]
    with torch.inference_mode():
        alone = [model(join([waveform])).values[0] for waveform in waveforms]
        among = [row for batch in batches(waveforms, "NaN") for row in split(model(batch))[:-1]]

    assert len(among) == len(alone) == 300
    for one, other in zip(among, alone, strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= tolerance
    heard = texts(model, alone)
    assert texts(model, among) == heard
    assert len(set(heard)) > 5, "the model hears the same in everything: this proves nothing"


def test_the_comparison_bites(model: AcousticModel, waveforms: list[torch.Tensor]) -> None:
    """A thousandth of full scale in one sample is more than the tolerance."""
    model = model.to(torch.float64)
    touched = waveforms[150].double().clone()
    with torch.inference_mode():
        before = model(join([touched])).values
        touched[len(touched) // 2] += 1e-3
        after = model(join([touched])).values

    assert np.abs((before - after).numpy()).max() > 1e-9
