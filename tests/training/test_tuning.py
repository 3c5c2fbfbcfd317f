"""Tuning an experiment: by which unit, from which beam, and what is said of what was found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ds2kit import config as configs
from ds2kit import model as models
from ds2kit import model_folder
from ds2kit.audio.write import wav
from ds2kit.data.shards import write_split
from ds2kit.decoding.diagnosis import Coverage
from ds2kit.decoding.tune import Space, Trial, Tuned, Weights
from ds2kit.registry import Toolkit
from ds2kit.testing import speech
from ds2kit.text.char import Char
from ds2kit.training.tuning import (
    Listener,
    Outcome,
    Subject,
    at_the_edge,
    doubts_of,
    in_words,
    is_kept,
    tune_experiment,
)
from ds2kit.types import Score, Utterance


@contextmanager
def no_bar(seconds: float, name: str) -> Iterator[Callable[[float], None]]:
    yield lambda piece: None


def silent(said: list[str]) -> Listener:
    return Listener(said.append, no_bar, lambda: None)


def trial(errors: int, weights: Weights | None, seconds: float = 2.0) -> Trial:
    return Trial(weights, Score(errors, 0, 0, 200), Score(0, 2 * errors, 0, 1000), seconds)


GREEDY, ZERO = trial(40, None), trial(30, Weights(0.0, 0.0, 8))
NARROW, BEST = trial(21, Weights(0.75, 1.5, 4)), trial(20, Weights(0.75, 1.5, 8), 4.0)
TUNED = Tuned(GREEDY, ZERO, BEST, (ZERO, BEST), (NARROW, BEST))


def outcome(tuned: Tuned = TUNED) -> Outcome:
    known = Coverage("word", 200, 190, ("x",), 0)
    return Outcome("dev", "word", "beam", 100, tuned, known, True, (), Path("/s.png"))


def test_it_is_said_in_lines() -> None:
    assert outcome().to_text().splitlines() == [
        "greedy: WER 20.00 %",
        "lm_weight 0, word_score 0, beam 8: WER 15.00 %",
        "lm_weight 0.75, word_score 1.5, beam 4: WER 10.50 %, 50.0 utterances a second",
        "lm_weight 0.75, word_score 1.5, beam 8: WER 10.00 %, 25.0 utterances a second  <- best",
    ]
    assert in_words(BEST, "character") == "lm_weight 0.75, word_score 1.5, beam 8: CER 4.00 %"


def test_it_is_said_to_programs() -> None:
    found = json.loads(json.dumps(outcome().to_json()))

    assert found["best"] == {
        "lm_weight": 0.75, "word_score": 1.5, "beam": 8, "rate": 0.1, "errors": 20, "units": 200
    }  # fmt: skip
    assert found["greedy"] == {"rate": 0.2, "errors": 40, "units": 200}
    assert found["known"] == {"unit": "word", "share": 0.95}
    assert [beam["beam"] for beam in found["beams"]] == [4, 8]


@pytest.mark.parametrize(
    ("lm_weight", "word_score", "found"),
    [
        (1.5, 1.0, []),
        (2.9, 1.0, ["lm_weight"]),
        (0.0, 1.0, []),  # nothing lies below
        (1.5, -2.0, ["word_score"]),
        (3.0, 4.0, ["lm_weight", "word_score"]),
    ],
)
def test_weights_where_their_range_ends(
    lm_weight: float, word_score: float, found: list[str]
) -> None:
    assert at_the_edge(trial(1, Weights(lm_weight, word_score, 8)), Space()) == found


def test_a_range_that_begins_above_zero_ends_there_too() -> None:
    space = Space(lm_weight=(1.0, 2.0))

    assert at_the_edge(trial(1, Weights(1.0, 0.0, 8)), space) == ["lm_weight"]


def test_goes_on_with_the_beam_that_it_began_with(blurred: Path, toy: list[str]) -> None:
    """The best beam is the model's afterwards; the weights were tuned with another."""
    toolkit, said = Toolkit.installed(), list[str]()
    first = Subject(blurred, "dev", [*toy, "decoder.beam=4"], toolkit)
    found = tune_experiment(first, Space(trials=4), silent(said), 0)
    other = Subject(blurred, "test", [], toolkit)
    said.clear()

    again = Subject(blurred, "dev", [], toolkit)
    typed = Subject(blurred, "dev", ["decoder.beam=2"], toolkit)

    assert again.first_beam(again.journal()) == 4
    assert typed.first_beam(typed.journal()) == 2
    assert other.first_beam(other.journal()) == 8  # the default
    assert tune_experiment(again, Space(trials=4), silent(said), 0).to_json() == found.to_json()
    assert len(said) == 1  # that the network is not run
    kept = configs.load(blurred / "model" / "config.yaml", toolkit).decoder.options
    assert found.tuned.best.weights is not None
    assert kept["beam"] == found.tuned.best.weights.beam


@pytest.fixture
def mandarin(tiny_yaml: Path, tmp_path: Path, toy: list[str]) -> Path:
    """An untrained model whose tokens have no space, and a split that it may hear."""
    toolkit = Toolkit.installed()
    sounds = [wav(speech(8000 + 100 * i, 8000), 8000) for i in range(3)]
    write_split(
        tmp_path / "data" / "dev",
        [Utterance(str(i), sound, "今天") for i, sound in enumerate(sounds)],
        made_from={},
    )
    config = configs.load(tiny_yaml, toolkit)
    model = models.build(config, Char.learn(["今天"]), toolkit)
    model_folder.save(tmp_path / "model", model, config, "# Untrained\n")
    (tmp_path / "lm.toy").write_text("今\t0.5\n</s>\t0.5\n", encoding="utf-8")
    return tmp_path / "model"


def test_characters_are_counted_where_no_token_has_a_space(
    mandarin: Path, toy: list[str], tmp_path: Path
) -> None:
    subject = Subject(
        mandarin, "dev", [*toy, f"corpus.data={tmp_path / 'data'}"], Toolkit.installed()
    )

    found = tune_experiment(subject, Space(trials=1), silent([]), 0)

    assert found.unit == "character"
    assert found.tuned.greedy.score("character").units == 6
    assert "CER" in found.to_text()
    assert "WER" not in found.to_text()


@pytest.mark.parametrize(
    ("errors", "lm_weight", "kept", "doubt"),
    [
        (20, 0.5, True, ""),
        (40, 0.5, True, "no fewer errors than the search without it"),
        (40, 0.0, False, "no fewer errors than the search without it"),
        (20, 0.0, True, "no fewer errors than the search without it"),
        (41, 0.5, False, "greedy search makes fewer errors"),
    ],
)
def test_what_is_kept_and_what_is_doubted(
    errors: int, lm_weight: float, kept: bool, doubt: str
) -> None:
    """Greedy makes 40 errors, the search with weights of 0 makes 30."""
    best = trial(errors, Weights(lm_weight, 0.0, 8))
    tuned = Tuned(GREEDY, ZERO, best, (ZERO, best), (best,))

    doubts = list(doubts_of(tuned, "word", NoReasons()))  # type: ignore[arg-type]

    assert is_kept(tuned, "word") is kept
    assert len(doubts) == bool(doubt)
    assert all(doubt in one for one in doubts)


class NoReasons:
    """Evidence of nothing."""

    def reasons(self, *, search_is_worse: bool) -> list[str]:
        assert not search_is_worse
        return []
