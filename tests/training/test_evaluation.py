"""Dev is scored whole, whatever the batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ds2kit import model_folder
from ds2kit.data.index import Index
from ds2kit.decoding.greedy import Greedy
from ds2kit.decoding.transcriber import Transcriber
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.scoring.align import score_characters, score_words
from ds2kit.training.evaluation import Evaluation, evaluate, evaluating
from ds2kit.types import Score


@pytest.fixture(scope="module")
def model(tiny_experiment: Path) -> AcousticModel:
    """Made worse, so that there is something to count."""
    loaded, _ = model_folder.load(tiny_experiment / "model", Toolkit.installed())
    torch.manual_seed(1)
    with torch.no_grad():
        loaded.output.weight += 3.0 * torch.randn_like(loaded.output.weight)
    return loaded


def run(model: AcousticModel, index: Index, seconds: float, workers: int = 0) -> Evaluation:
    return evaluate(
        model, Greedy(model.tokenizer), index, seconds_per_step=seconds, workers=workers
    )


def test_counts_what_each_utterance_alone_gives(model: AcousticModel, tiny_data: Path) -> None:
    from ds2kit.audio.read import read
    from ds2kit.data.batches import Selection
    from ds2kit.data.reading import read_payloads

    index = Index.load(tiny_data / "test")
    transcriber = Transcriber(model, Greedy(model.tokenizer))
    words = characters = Score(0, 0, 0, 0)
    for position in range(len(index)):
        folder, row = Selection.of(index).row(position)
        sound = read(read_payloads([(folder, row)], most_reads=1)[0], model.sample_rate)
        heard = transcriber.transcribe(sound).text
        words += score_words(row.text, heard)
        characters += score_characters(row.text, heard, spaces=False)

    result = run(model, index, 1000.0)
    assert words.errors > 0
    assert (result.words, result.characters) == (words, characters)
    assert (result.utterances, result.left_out, result.unit) == (len(index), 0, "word")


def test_batches_and_workers_change_nothing(model: AcousticModel, tiny_data: Path) -> None:
    index = Index.load(tiny_data / "test")
    whole, parts = run(model, index, 1000.0), run(model, index, 1.5, workers=1)

    assert (whole.words, whole.characters) == (parts.words, parts.characters)
    assert whole.loss == pytest.approx(parts.loss, rel=1e-5)


def test_the_model_is_as_it_was(model: AcousticModel) -> None:
    model.train()
    with evaluating(model):
        assert not model.training
        assert not torch.is_grad_enabled()
    assert model.training
    model.eval()
