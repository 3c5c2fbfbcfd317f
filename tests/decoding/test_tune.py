"""Tuning by results that are known beforehand: what is tried, found, kept and gone on with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ds2kit.decoding import tune as tuning
from ds2kit.decoding.tune import (
    FIRST,
    TRIALS,
    Journal,
    Space,
    Task,
    Tuned,
    Tuning,
    Weights,
    space_of,
    tune,
)
from ds2kit.decoding.workers import Workers
from ds2kit.errors import UserError
from ds2kit.types import Score

WORDS = 1000

Errors = Callable[[Weights], float]


def bowl(weights: Weights) -> float:
    """100 errors at a weight of 0.8 and a score of 1.5; a beam below 16 makes more."""
    lm_weight, word_score, beam = weights
    shallow = 100 + 300 * (lm_weight - 0.8) ** 2 + 20 * (word_score - 1.5 - lm_weight + 0.8) ** 2
    return shallow + (50 if beam and beam < 16 else 0)


class Bench:
    """A split of one utterance in which as many words are wrong as a function says."""

    def __init__(self, folder: Path, errors: Errors, unit: str = "word", greedy: int = 300) -> None:
        self.folder, self.errors, self.unit, self.greedy = folder, errors, unit, greedy
        self.tried: list[Weights | None] = []

    def tune(self, trials: int = 12, beam: int | None = 32, stop_after: int = -1, **space) -> Tuned:
        with Workers(self.hear, 0) as workers:
            made = Tuning(
                Journal(self.folder / TRIALS),
                workers,
                {"a": "said"},
                self.unit,  # type: ignore[arg-type]
                self.scores,
                between=lambda: self.stop(stop_after),
            )
            return tune(made, beam, Space(trials=trials, **space))

    def stop(self, after: int) -> None:
        if len(self.tried) == after:
            raise KeyboardInterrupt

    def hear(self, task: Task) -> str:
        weights, key = task
        assert key == "a"
        self.tried.append(weights)
        return str(self.greedy if weights is None else round(self.errors(weights)))

    def scores(self, said: str, heard: str) -> tuple[Score, Score]:
        assert said == "said"
        wrong = Score(int(heard), 0, 0, WORDS)
        other = Score(2 * int(heard), 0, 0, 5 * WORDS)
        return (wrong, other) if self.unit == "word" else (other, wrong)


def weights_of(tuned: Tuned) -> list[Weights]:
    return [trial.weights for trial in tuned.surface if trial.weights]


def test_finds_the_bottom_of_a_bowl(tmp_path: Path) -> None:
    tuned = Bench(tmp_path, bowl).tune(trials=40)

    # At the first three pairs there are 174, 132 and 118 errors.
    assert tuned.best.words.errors < 104
    assert (tuned.greedy.weights, tuned.greedy.words) == (None, Score(300, 0, 0, 1000))
    assert tuned.zero.weights == Weights(0.0, 0.0, 32)
    assert len(tuned.surface) >= 35


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_tries_the_same(tmp_path: Path, seed: int) -> None:
    found = [
        weights_of(Bench(tmp_path / str(i) / "x", bowl).tune(seed=seed, trials=20))
        for i in range(2)
        if (tmp_path / str(i) / "x").mkdir(parents=True) is None
    ]
    other = Bench(tmp_path, bowl)

    assert found[0] == found[1]
    assert weights_of(other.tune(seed=seed + 1, trials=20)) != found[0]
    assert [weights[:2] for weights in found[0][:3]] == list(FIRST)


def test_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    whole = Bench(tmp_path / "whole", bowl)
    whole.folder.mkdir()
    expected = whole.tune(trials=15)
    (tmp_path / "parts").mkdir()
    tried: list[Weights | None] = []
    for stop_after in (1, 4, 7):
        part = Bench(tmp_path / "parts", bowl)
        with pytest.raises(KeyboardInterrupt):
            part.tune(trials=15, stop_after=stop_after)
        tried += part.tried
    last = Bench(tmp_path / "parts", bowl)
    found = last.tune(trials=15)

    assert weights_of(found) == weights_of(expected)
    assert found.best.weights == expected.best.weights
    assert tried + last.tried == whole.tried


@pytest.mark.parametrize("cut", [1, 40, -1, -40])
def test_goes_on_wherever_the_journal_was_cut(tmp_path: Path, cut: int) -> None:
    expected = Bench(tmp_path, bowl).tune()
    journal = tmp_path / TRIALS
    journal.write_bytes(journal.read_bytes()[:cut])

    again = Bench(tmp_path, bowl).tune()

    assert weights_of(again) == weights_of(expected)


def test_nothing_is_tried_twice(tmp_path: Path) -> None:
    first, again = Bench(tmp_path, bowl), Bench(tmp_path, bowl)
    tuned = first.tune()

    assert again.tune() == tuned
    assert again.tried == []
    assert len(set(first.tried)) == len(first.tried)


def test_more_trials_go_on_from_fewer(tmp_path: Path) -> None:
    few, more = Bench(tmp_path, bowl), Bench(tmp_path, bowl)
    before = few.tune(trials=10)

    after = more.tune(trials=25)

    assert set(weights_of(before)) <= set(weights_of(after))
    assert after.best.words.errors <= before.best.words.errors


def test_what_was_tried_stands_in_the_journal(tmp_path: Path) -> None:
    tuned = Bench(tmp_path, bowl).tune(trials=3)

    lines = [json.loads(line) for line in (tmp_path / TRIALS).read_text().splitlines()]

    assert lines[0]["greedy"] is True
    assert [(line["lm_weight"], line["word_score"]) for line in lines[1:4]] == list(FIRST)
    assert lines[1]["words"] == {
        "substitutions": 302, "deletions": 0, "insertions": 0, "units": 1000
    }  # fmt: skip
    assert tuned.zero.words.errors == 302


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / TRIALS).write_text('{"beam": 3}\n')

    with pytest.raises(UserError, match=r"trials\.jsonl is damaged .*; remove it to tune anew"):
        Journal(tmp_path / TRIALS)


def test_weights_are_tried_within_their_ranges(tmp_path: Path) -> None:
    tuned = Bench(tmp_path, bowl).tune(lm_weight=(0.25, 0.75), word_score=(-0.5, 0.25))

    assert tuned.zero.weights == Weights(0.0, 0.0, 32)
    for lm_weight, word_score, _ in weights_of(tuned)[1:]:
        assert 0.25 <= lm_weight <= 0.75
        assert -0.5 <= word_score <= 0.25
        assert (lm_weight, word_score) == (round(lm_weight, 2), round(word_score, 2))


def test_errors_are_counted_by_the_unit(tmp_path: Path) -> None:
    """Words are wrong where the weight is large, characters where it is small."""
    tuned = Bench(tmp_path, bowl, unit="character").tune(trials=30)

    assert tuned.best.characters.errors < 110
    assert tuned.best.score("character") == tuned.best.characters


def test_of_equals_the_one_in_the_middle_is_kept(tmp_path: Path) -> None:
    """All within 0.4 of (1, 1) are as good: one far inside is meant to be kept."""

    def plateau(weights: Weights) -> float:
        return 100.0 if abs(weights[0] - 1) < 0.4 and abs(weights[1] - 1) < 0.8 else 200.0

    tuned = Bench(tmp_path, plateau).tune(trials=60)

    assert tuned.best.words.errors == 100
    best = [trial.weights for trial in tuned.surface if trial.words.errors == 100]
    middle = [sum(weights[i] for weights in best if weights) / len(best) for i in (0, 1)]
    assert tuned.best.weights is not None
    assert len(best) > 5
    assert tuned.best.weights[0] == pytest.approx(middle[0], abs=0.2)
    assert tuned.best.weights[1] == pytest.approx(middle[1], abs=0.4)


def beams_of(tuned: Tuned) -> list[tuple[int | None, int]]:
    return [(trial.weights.beam, trial.words.errors) for trial in tuned.beams if trial.weights]


@pytest.mark.parametrize(
    ("by_beam", "tried", "best"),
    [
        # Wider is no better, narrower is no worse down to 8.
        ({4: 120, 8: 100, 16: 100, 32: 100, 64: 100}, [4, 8, 16, 32, 64], 8),
        # Wider is better, up to four times.
        ({16: 150, 32: 120, 64: 110, 128: 100}, [16, 32, 64, 128], 128),
        # One error in a thousand is nothing.
        ({8: 1100, 16: 1002, 32: 1001, 64: 1000, 128: 1000}, [8, 16, 32, 64, 128], 16),
        # Of few errors each counts.
        ({16: 11, 32: 10, 64: 10}, [16, 32, 64], 32),
        # Down to a beam of one.
        ({1: 5, 2: 5, 4: 5, 8: 5, 16: 5, 32: 5, 64: 5}, [1, 2, 4, 8, 16, 32, 64], 1),
    ],
)
def test_the_narrowest_beam_that_is_as_good(
    tmp_path: Path, by_beam: dict[int, int], tried: list[int], best: int
) -> None:
    tuned = Bench(tmp_path, lambda weights: by_beam[weights.beam or 0]).tune(trials=4)

    assert beams_of(tuned) == [(beam, by_beam[beam]) for beam in tried]
    assert tuned.best.weights is not None
    assert tuned.best.weights.beam == best


def test_a_decoder_without_a_beam(tmp_path: Path) -> None:
    tuned = Bench(tmp_path, bowl).tune(beam=None)

    assert tuned.beams == (tuned.best,)
    assert tuned.best.weights is not None
    assert tuned.best.weights.options().keys() == {"lm_weight", "word_score"}


def test_a_missing_extra_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)

    with pytest.raises(UserError, match=r'tuning needs optuna .*pip install "ds2kit\[tune\]"'):
        tuning.installed_optuna()


@pytest.mark.parametrize(
    ("lm_weight", "word_score", "told"),
    [
        ((1.0, 1.0), (0.0, 1.0), "--lm-weight is 1 1; expected LOW HIGH"),
        ((0.0, 1.0), (2.0, -2.0), "--word-score is 2 -2; expected LOW HIGH"),
        ((-1.0, 1.0), (0.0, 1.0), "--lm-weight is -1 1; it begins at 0 or more"),
    ],
)
def test_a_space_without_inside_is_refused(
    lm_weight: tuple[float, float], word_score: tuple[float, float], told: str
) -> None:
    with pytest.raises(UserError, match=told):
        space_of(lm_weight, word_score, 1, 1)


def test_a_space_is_rounded() -> None:
    assert space_of((0.001, 2.499), (-1.0, 1.0), 7, 3) == Space((0.0, 2.5), (-1.0, 1.0), 7, 3)
