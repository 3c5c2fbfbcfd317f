"""The card says what was measured."""

from __future__ import annotations

import pytest

from ds2kit.text.char import Char
from ds2kit.training.card import average_card, card
from ds2kit.training.data import Speech
from ds2kit.training.evaluation import Evaluation
from ds2kit.training.progress import Progress
from ds2kit.types import Score


@pytest.fixture
def told(tiny_config):
    """The card of a training on the tiny corpus, with dev led by such a unit."""

    def make(unit: str) -> str:
        config = tiny_config("data.max_seconds=0.6", "data.on_bad=skip")
        speech = Speech(config)
        speech.check(Char.learn(speech.texts), lambda samples: samples // 160)
        kept = speech.reports[0].kept
        assert 0 < len(kept) < 48
        words, characters = Score(1, 2, 3, 48), Score(1, 0, 0, 80)
        result = Evaluation(1.5, 9, 0, words, characters, unit)
        text = card(config, speech, result, Progress(epoch=5, best_epoch=4))
        assert f"- `train`: {len(kept)} of 48 utterances, 0.00 h, weight 1\n" in text
        return " ".join(text.split())

    return make


def test_says_what_was_measured_on_what(told) -> None:
    assert (
        "Best on dev (`dev`, 9 utterances) after epoch 4, by greedy search: "
        "word error rate 12.50 %, character error rate 1.25 %." in told("word")
    )


def test_where_characters_lead_words_are_left_out(told) -> None:
    text = told("character")

    assert "by greedy search: character error rate 1.25 %." in text
    assert "word error rate" not in text


def test_an_average_says_of_what_and_takes_the_best_ones_card_along() -> None:
    text = average_card("# Best\n\nGood.\n", {3: 0.125, 7: 0.1}, "last")

    assert "of the weights after 2 epochs, the last of a training:" in " ".join(text.split())
    assert "\n- epoch 3: error rate 12.50 % on dev\n- epoch 7: error rate 10.00 % on dev\n" in text
    assert "was not measured" in text
    assert text.endswith("\n> # Best\n> \n> Good.\n")
