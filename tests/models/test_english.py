"""The English model in the repository: what its recipe reached, with its language model."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import ds2kit
from ds2kit.data.manifest import utterances
from ds2kit.scoring.align import score_words

MODEL = Path(__file__).resolve().parents[2] / "models" / "english"


def test_is_small_enough_to_lie_in_a_repository() -> None:
    sizes = {path.name: path.stat().st_size for path in MODEL.iterdir()}

    assert sizes["language_model.arpa.gz"] <= 15_000_000
    assert sum(sizes.values()) <= 25_000_000


def test_its_card_says_what_it_is_made_of() -> None:
    card = (MODEL / "card.md").read_text(encoding="utf-8")

    for told in ("LibriSpeech", "CC BY 4.0", "error rate", "public domain", "transcribe"):
        assert told in card


def test_hears_half_the_words_of_people_it_never_heard(corpora: Path, tmp_path: Path) -> None:
    """Ten utterances of the test; the card's rate is of all 300."""
    transcriber, scores = ds2kit.load(MODEL), []
    for utterance in islice(utterances(corpora / "librispeech_more", "test"), 0, 300, 30):
        file = tmp_path / f"{utterance.key}.flac"
        file.write_bytes(utterance.audio)
        scores.append(score_words(utterance.text, transcriber.transcribe(file).text))

    assert sum(score.errors for score in scores) < 0.5 * sum(score.units for score in scores)
