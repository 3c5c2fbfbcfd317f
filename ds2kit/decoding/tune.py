"""Tune a decoder on a split: how much its language model counts, and how wide it searches.

Every decoder that is tried is a line of a journal, and is not tried again: who was stopped goes
on, and more trials go on from fewer. Which come next follows from the seed and the results alone.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ds2kit.components import Decoder, Tokenizer
from ds2kit.decoding.greedy import Greedy
from ds2kit.decoding.lines import read_lines, write_lines
from ds2kit.decoding.log_probs import LogProbs
from ds2kit.decoding.split import search
from ds2kit.decoding.workers import Workers
from ds2kit.errors import UserError
from ds2kit.types import Score

TRIALS = "trials.jsonl"

DIGITS = 2
"""Weights are tried to so many places: finer ones make no difference that a split could show."""

FIRST = ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0))
"""The first pairs of language-model weight and word score: without either, and two usual ones."""

DRAWN = 10
"""Trials, those first ones among them, before Optuna follows what it has found."""

BEAM_TOLERANCE = 0.005
"""The share of its errors by which a narrower, so faster, beam may be worse than the best."""

WIDEST = 4
"""Beams up to so many times the one that the weights are tuned with are tried."""


class Weights(NamedTuple):
    """What is tuned. beam: None where the decoder has none."""

    lm_weight: float
    word_score: float
    beam: int | None

    def options(self) -> dict[str, Any]:
        """As options of the decoder."""
        return {name: value for name, value in self._asdict().items() if value is not None}


@dataclass(frozen=True)
class Trial:
    """A decoder, and how it did on the whole split.

    weights: None: it was greedy search
    seconds: that all processes together took for it
    """

    weights: Weights | None
    words: Score
    characters: Score
    seconds: float

    def score(self, unit: str) -> Score:
        """By the unit that leads."""
        return self.words if unit == "word" else self.characters

    def cost(self, unit: str) -> tuple[int, int]:
        """Errors; where they are as many, the other unit's say which is better."""
        other = "character" if unit == "word" else "word"
        return self.score(unit).errors, self.score(other).errors


class Journal:
    """The trials so far, in order, on the disk.

    Raises UserError where the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.trials = {trial.weights: trial for trial in map(_trial, read_lines(path, "beam"))}
        except (LookupError, TypeError) as error:
            raise UserError(f"{path} is damaged ({error}); remove it to tune anew") from None

    def add(self, trial: Trial) -> None:
        weights = trial.weights or Weights(0.0, 0.0, None)
        line = {
            "greedy": trial.weights is None,
            **weights._asdict(),
            "words": asdict(trial.words),
            "characters": asdict(trial.characters),
            "seconds": trial.seconds,
        }
        try:
            with self.path.open("ab") as file:
                write_lines(file, [line])
                os.fsync(file.fileno())
        except OSError as error:
            reason = error.strerror or error
            raise UserError(
                f"{self.path} could not be written: {reason}; make room, run again"
            ) from error
        self.trials[trial.weights] = trial


def _trial(line: Mapping[str, Any]) -> Trial:
    weights = Weights(line["lm_weight"], line["word_score"], line["beam"])
    words, characters = Score(**line["words"]), Score(**line["characters"])
    return Trial(None if line["greedy"] else weights, words, characters, line["seconds"])


Task = tuple[Weights | None, str]
"""Which decoder, and the key of the utterance."""


class Searches:
    """What a worker of a tuning does: the text of an utterance, by one decoder after another.

    make:   a decoder of such weights; what it needs, such as a language model, is there already
    folder: of the log-probabilities, which need not be there before the first task
    """

    def __init__(
        self, make: Callable[[Weights], Decoder], tokenizer: Tokenizer, folder: Path
    ) -> None:
        self._make, self._tokenizer, self._folder = make, tokenizer, folder
        self._weights: Weights | None = None
        self._decoder: Decoder = Greedy(tokenizer)

    def prepare(self, weights: Weights | None) -> None:
        """Make the decoder of such weights. Raises UserError where it cannot be made."""
        if weights != self._weights:
            self._decoder = self._make(weights) if weights else Greedy(self._tokenizer)
            self._weights = weights

    def __call__(self, task: Task) -> str:
        weights, key = task
        self.prepare(weights)
        return search(self._decoder, self._log_probs[key])[0].text

    @cached_property
    def _log_probs(self) -> LogProbs:
        return LogProbs(self._folder)


@dataclass(frozen=True)
class Tuning:
    """A decoder that is being tuned.

    texts:   what was said, by key
    unit:    the one whose errors are to be few
    scores:  of what was said and what was heard, in words and in characters
    told:    hears of each trial, but those that are known
    between: called often; what it raises ends the tuning, which goes on when it is begun again
    """

    journal: Journal
    workers: Workers[Task, str]
    texts: Mapping[str, str]
    unit: Literal["word", "character"]
    scores: Callable[[str, str], tuple[Score, Score]]
    told: Callable[[Trial], None] = lambda trial: None
    between: Callable[[], None] = lambda: None

    def run(self, weights: Weights | None) -> Trial:
        """Decode and score the split; None: by greedy search."""
        found = self.journal.trials.get(weights)
        if found is None:
            begun = time.monotonic()
            words = characters = Score(0, 0, 0, 0)
            tasks = [(key, (weights, key)) for key in self.texts]
            for key, text in self.workers.map([tasks], self.between):
                of_words, of_characters = self.scores(self.texts[key], text)
                words, characters = words + of_words, characters + of_characters
            found = Trial(weights, words, characters, round(time.monotonic() - begun, 3))
            self.journal.add(found)
            self.told(found)
        return found

    def best(self, trials: Sequence[Trial]) -> Trial:
        """The one with the fewest errors; of several, the one in their middle, which is the least
        likely to be so good by chance.
        """
        least = min(trial.cost(self.unit) for trial in trials)
        best = [trial for trial in trials if trial.cost(self.unit) == least]
        return min(best, key=lambda trial: sum(_distance(trial, other) for other in best))


def _distance(one: Trial, other: Trial) -> float:
    assert one.weights is not None
    assert other.weights is not None
    return math.dist(one.weights[:2], other.weights[:2])


@dataclass(frozen=True)
class Space:
    """Between which values the weights are looked for, and how often."""

    lm_weight: tuple[float, float] = (0.0, 3.0)
    word_score: tuple[float, float] = (-2.0, 4.0)
    trials: int = 40
    seed: int = 1


def space_of(
    lm_weight: tuple[float, float], word_score: tuple[float, float], trials: int, seed: int
) -> Space:
    """The space between such ends. Raises UserError where there is nothing between them."""
    rounded = {}
    for name, ends in (("lm-weight", lm_weight), ("word-score", word_score)):
        low, high = (round(end, DIGITS) for end in ends)
        if not low < high:
            raise UserError(f"--{name} is {low:g} {high:g}; expected LOW HIGH, such as 0 3")
        rounded[name] = (low, high)
    if lm_weight[0] < 0:
        raise UserError(f"--lm-weight is {lm_weight[0]:g} {lm_weight[1]:g}; it begins at 0 or more")
    return Space(rounded["lm-weight"], rounded["word-score"], trials, seed)


@dataclass(frozen=True)
class Tuned:
    """What tuning found.

    greedy:  greedy search
    zero:    the decoder with weights of 0: the search without what is tuned
    best:    the decoder to be kept
    surface: all weights that were tried with one beam
    beams:   the best of them with several beams, narrow to wide
    """

    greedy: Trial
    zero: Trial
    best: Trial
    surface: tuple[Trial, ...]
    beams: tuple[Trial, ...]


def tune(tuning: Tuning, beam: int | None, space: Space) -> Tuned:
    """Find the weights, then the beam, with which the split has the fewest errors.

    beam: with which the weights are tuned
    Raises UserError where optuna is not installed.
    """
    greedy = tuning.run(None)
    zero = tuning.run(Weights(0.0, 0.0, beam))
    for weights, tell in _suggestions(beam, space):
        errors, others = tuning.run(weights).cost(tuning.unit)
        tell(errors + others / (1 + others))
    surface = tuple(
        trial
        for trial in tuning.journal.trials.values()
        if trial.weights and trial.weights.beam == beam
    )
    best = tuning.best(surface)
    beams = tuple(_beams(tuning, best)) if beam else (best,)
    return Tuned(greedy, zero, _narrowest(beams, tuning.unit), surface, beams)


def _suggestions(
    beam: int | None, space: Space
) -> Iterator[tuple[Weights, Callable[[float], object]]]:
    """Weights to try, each with the function that is to be told how bad they are."""
    optuna = installed_optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=space.seed, multivariate=True, n_startup_trials=DRAWN
        )
    study = optuna.create_study(sampler=sampler)
    ranges = {
        name: optuna.distributions.FloatDistribution(*getattr(space, name), step=10.0**-DIGITS)
        for name in ("lm_weight", "word_score")
    }
    for pair in FIRST:
        first = dict(zip(ranges, pair, strict=True))
        if all(ranges[name].low <= value <= ranges[name].high for name, value in first.items()):
            study.enqueue_trial(first)
    for _ in range(space.trials):
        trial = study.ask(ranges)
        lm_weight, word_score = (round(trial.params[name], DIGITS) for name in ranges)
        yield Weights(lm_weight, word_score, beam), partial(study.tell, trial)


def _beams(tuning: Tuning, tuned: Trial) -> list[Trial]:
    """The weights with wider beams while those have fewer errors, and with narrower ones while
    they have as few; narrow to wide.
    """
    found, weights = [tuned], tuned.weights
    assert weights is not None
    assert weights.beam is not None
    while (beam := _beam(found[-1])) < WIDEST * weights.beam:
        wider = tuning.run(weights._replace(beam=2 * beam))
        found.append(wider)
        if wider.score(tuning.unit).errors >= found[-2].score(tuning.unit).errors:
            break
    while (beam := _beam(found[0])) > 1:
        found.insert(0, tuning.run(weights._replace(beam=beam // 2)))
        if found[0] is not _narrowest(found, tuning.unit):
            break
    return found


def _beam(trial: Trial) -> int:
    assert trial.weights is not None
    return trial.weights.beam or 0


def _narrowest(beams: Sequence[Trial], unit: str) -> Trial:
    """The narrowest beam that is nearly as good as the best."""
    fewest = min(trial.score(unit).errors for trial in beams)
    allowed = fewest + int(BEAM_TOLERANCE * fewest)
    return next(trial for trial in beams if trial.score(unit).errors <= allowed)


def installed_optuna() -> Any:
    """The library that suggests weights. Raises UserError, with the remedy, where it is missing."""
    try:
        import optuna
    except ImportError as error:
        raise UserError(
            f'tuning needs optuna ({error}); install it: pip install "ds2kit[tune]"'
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
