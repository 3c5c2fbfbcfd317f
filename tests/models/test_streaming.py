"""The model in the repository that hears speech as it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

import ds2kit as package
from ds2kit.audio.write import wav
from ds2kit.data.batches import Loader, Selection, evaluation_steps
from ds2kit.data.index import Index
from ds2kit.decoding.transcriber import Transcriber
from ds2kit.training.evaluation import evaluate

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "streaming"


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    return package.load(MODEL)


def sounds(index: Index, transcriber: Transcriber, every: int) -> Iterator[np.ndarray]:
    """The waveforms of one utterance in `every`."""
    steps = evaluation_steps(
        Selection.of(index), transcriber.model.tokenizer, sample_rate=8000, seconds_per_step=60.0
    )
    number = 0
    for batch in Loader(steps, workers=0):
        for row, length in zip(batch.waveforms.values, batch.waveforms.lengths, strict=True):
            if number % every == 0:
                yield row[:length].numpy()
            number += 1


def test_is_small_and_says_what_it_is() -> None:
    files = sorted(path.name for path in MODEL.iterdir())
    weights = load_file(MODEL / "weights.safetensors")

    assert files == ["card.md", "config.yaml", "tokenizer.json", "weights.safetensors"]
    assert sum(path.stat().st_size for path in MODEL.iterdir()) <= 5_000_000
    assert any("row_convolution" in name for name in weights)
    card = (MODEL / "card.md").read_text(encoding="utf-8")
    for told in ("Free Spoken Digit Dataset", "CC BY-SA 4.0", "error rate", "--stream"):
        assert told in card


def test_its_latency_is_told(ds2kit: Callable[..., Any]) -> None:
    ran = ds2kit("describe", MODEL)
    assert "streams: what is heard is certain after 310 ms" in ran.out


@pytest.mark.parametrize(("split", "most"), [("test", 0.03), ("test_connected", 0.02)])
def test_knows_the_digits(
    split: str, most: float, transcriber: Transcriber, digits: Callable[[str], Index]
) -> None:
    index, decoder = digits(split), transcriber.decoder
    result = evaluate(transcriber.model, decoder, index, seconds_per_step=60.0, workers=0)
    assert result.words.units == 300
    assert result.words.rate <= most


@pytest.mark.parametrize(
    ("split", "every"),
    [
        ("test", 12),
        ("test_connected", 8),
        pytest.param("test", 1, marks=pytest.mark.slow),
        pytest.param("test_connected", 1, marks=pytest.mark.slow),
    ],
)
def test_streamed_text_is_the_offline_text(
    split: str,
    every: int,
    transcriber: Transcriber,
    digits: Callable[[str], Index],
    ds2kit: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """Through the command line, as fast as it goes."""
    file = tmp_path / "speech.wav"
    for sound in sounds(digits(split), transcriber, every):
        file.write_bytes(wav(sound, 8000))
        offline = ds2kit("transcribe", MODEL, file)
        streamed = ds2kit("transcribe", "--stream", "--pace", 0, MODEL, file)
        assert streamed.status == offline.status == 0
        assert streamed.out.split() == offline.out.split()


def test_words_come_before_the_end(
    transcriber: Transcriber, digits: Callable[[str], Index]
) -> None:
    longest = max(sounds(digits("test_connected"), transcriber, 1), key=len)
    stream = transcriber.stream()
    early = sum(len(stream.feed(piece)) for piece in np.array_split(longest[:-4000], 20))
    assert early >= 3
    assert len(stream.finish().words) > early
