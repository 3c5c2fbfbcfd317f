"""Tune the decoder of an experiment on one of its splits, and make it the model's default."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ds2kit.data.index import Index
from ds2kit.decoding import log_probs
from ds2kit.decoding.default import set_default
from ds2kit.decoding.diagnosis import Coverage, Evidence, lexicon_words
from ds2kit.decoding.log_probs import LogProbs
from ds2kit.decoding.network import Network
from ds2kit.decoding.settings import begin_with, settings_of
from ds2kit.decoding.tune import (
    TRIALS,
    Journal,
    Searches,
    Space,
    Trial,
    Tuned,
    Tuning,
    Weights,
    installed_optuna,
    tune,
)
from ds2kit.decoding.words import between_words
from ds2kit.decoding.workers import Workers, before_threads, cores
from ds2kit.errors import UserError
from ds2kit.options import Chosen
from ds2kit.registry import Toolkit
from ds2kit.scoring.align import Unit, score_characters, score_words
from ds2kit.training.figures import save_figure, tuning_figure
from ds2kit.training.places import Place, checked_split, find
from ds2kit.types import Score

SURFACE = "surface.png"

NEEDED = ("language_model", "lm_weight", "word_score")
"""Options of a decoder that can be tuned."""

EDGE = 0.05
"""A best weight that is nearer to an end of its range, as a share of it, is told of."""


@dataclass(frozen=True)
class Listener:
    """Who is told what a tuning does.

    say:     hears lines
    bar:     shows how much of so many seconds of audio, under a name, the network has heard
    between: called often; it may raise
    """

    say: Callable[[str], None]
    bar: Callable[[float, str], AbstractContextManager[Callable[[float], None]]]
    between: Callable[[], None]


@dataclass(frozen=True)
class Outcome:
    """What tuning found, and what became of it.

    unit:    whose errors were counted
    known:   how much of what was said the language model knows
    kept:    whether the best decoder is the model's default now
    doubts:  where the language model does not help: that, and why it may be
    surface: the figure
    """

    split: str
    unit: Unit
    decoder: str
    utterances: int
    tuned: Tuned
    known: Coverage
    kept: bool
    doubts: tuple[str, ...]
    surface: Path

    def to_json(self) -> dict[str, Any]:
        """Rates are fractions of one."""
        return {
            "split": self.split,
            "unit": self.unit,
            "decoder": self.decoder,
            "utterances": self.utterances,
            "greedy": self._json(self.tuned.greedy),
            "zero": self._json(self.tuned.zero),
            "best": self._json(self.tuned.best),
            "beams": [self._json(trial) for trial in self.tuned.beams],
            "trials": len(self.tuned.surface),
            "known": {"unit": self.known.unit, "share": self.known.share},
            "kept": self.kept,
            "doubts": list(self.doubts),
            "surface": str(self.surface),
        }

    def to_text(self) -> str:
        """Greedy, the search alone, each beam, and the best, in lines."""
        tuned, unit = self.tuned, self.unit
        lines = [in_words(trial, unit) for trial in (tuned.greedy, tuned.zero)]
        for trial in tuned.beams:
            speed = self.utterances / trial.seconds if trial.seconds else float("inf")
            best = "  <- best" if trial is tuned.best else ""
            lines.append(f"{in_words(trial, unit)}, {speed:.1f} utterances a second{best}")
        return "\n".join(lines)

    def _json(self, trial: Trial) -> dict[str, Any]:
        score = trial.score(self.unit)
        told = {"rate": score.rate, "errors": score.errors, "units": score.units}
        return (trial.weights.options() if trial.weights else {}) | told


def in_words(trial: Trial, unit: Unit) -> str:
    """What was tried, and its error rate."""
    weights = trial.weights
    named = "greedy"
    if weights:
        named = ", ".join(f"{name} {value:g}" for name, value in weights.options().items())
    return f"{named}: {percent(trial, unit)}"


def percent(trial: Trial, unit: Unit) -> str:
    """An error rate by its name."""
    return f"{'WER' if unit == 'word' else 'CER'} {100 * trial.score(unit).rate:.2f} %"


class Subject:
    """What is tuned: the decoder of an experiment, or of a model folder, on a split.

    Raises UserError where there is nothing to tune.
    """

    def __init__(
        self, folder: Path, split: str, overrides: Sequence[str], toolkit: Toolkit
    ) -> None:
        self.split, self.overrides, self.toolkit = split, overrides, toolkit
        self.place = find(folder)
        self.config = self.place.config(toolkit, overrides)
        self.decoder = self.config.decoder
        _check_decoder(self.decoder, toolkit)
        self.index = Index.load(self.config.speech.data / checked_split(split))
        if not len(self.index):
            raise UserError(f"{self.index.folder} has no utterances to tune on; name another split")
        self.folder = folder / "tune" / split
        self.log_probs = folder / "decode" / split / log_probs.FOLDER
        self.network = Network(self.place.model, toolkit, self.config, self.index)
        self.tokenizer = self.network.tokenizer

    @property
    def unit(self) -> Unit:
        """The word, or the character where no token has a space."""
        return "word" if between_words(self.tokenizer) else "character"

    @property
    def texts(self) -> dict[str, str]:
        """What was said, by key, the longest first: the last tasks are short for all workers."""
        return dict(zip(self.index.keys[::-1], self.index.texts[::-1], strict=True))

    @cached_property
    def loaded(self) -> dict[str, Any]:
        """The options of the decoder; its language model is loaded, once for all that are made."""
        return {
            name: self.toolkit.make(value) if isinstance(value, Chosen) else value
            for name, value in self.decoder.options.items()
        }

    def make(self, weights: Weights) -> Any:
        """A decoder of such weights."""
        options = self.loaded | weights.options()
        return self.toolkit.make(Chosen("decoder", self.decoder.name, options), self.tokenizer)

    def journal(self) -> Journal:
        """What was tried before. Raises Problems where it was of another model, or decoder."""
        options = {n: v for n, v in self.decoder.options.items() if n not in Weights._fields}
        settings = settings_of(
            self.place.model,
            self.config.speech.data,
            self.split,
            self.index,
            Chosen("decoder", self.decoder.name, options),
        )
        path = self.folder / TRIALS
        begin_with(self.folder, settings, "tune", begun=path.is_file())
        return Journal(path)

    def first_beam(self, journal: Journal) -> int | None:
        """The beam with which the weights are tuned: as typed, as begun, or the decoder's default.

        Not the model's own: that may be what an earlier tuning found.
        """
        beam: int | None = self.decoder.options.get("beam")
        if beam is None or any(o.startswith("decoder.beam=") for o in self.overrides):
            return beam
        begun = [weights for weights in journal.trials if weights is not None]
        if begun:
            return begun[0].beam
        default = self.toolkit.options("decoder", self.decoder.name)["beam"].default
        return default if isinstance(default, int) else beam

    def keep(self, best: Trial, told: str) -> None:
        """Make the best decoder the model's default."""
        assert best.weights is not None
        of_decoder = [override for override in self.overrides if override.startswith("decoder")]
        config = Place(self.place.model, self.place.model).config(self.toolkit, of_decoder)
        options = dict(self.decoder.options) | best.weights.options()
        tuned = Chosen("decoder", self.decoder.name, options)
        set_default(self.place.model, config, tuned, told, self.toolkit)


def tune_experiment(
    subject: Subject, space: Space, listener: Listener, processes: int | None = None
) -> Outcome:
    """Find the weights and the beam with which a split has the fewest errors, and keep them.

    processes: that search; None: one for each core
    Raises UserError where optuna is missing, or a decoder cannot be made.
    """
    installed_optuna()
    journal = subject.journal()
    beam = subject.first_beam(journal)
    with before_threads():
        searches = Searches(subject.make, subject.tokenizer, subject.log_probs)
        searches.prepare(Weights(0.0, 0.0, beam))
        workers = Workers(searches, cores() if processes is None else processes)
    with workers:
        listener.between()
        heard = _log_probs(subject, listener)
        tuning = Tuning(
            journal,
            workers,
            subject.texts,
            subject.unit,
            _scores,
            told=lambda trial: listener.say(in_words(trial, subject.unit)),
            between=listener.between,
        )
        tuned = tune(tuning, beam, space)
    surface = subject.folder / SURFACE
    save_figure(tuning_figure(tuned, subject.unit, subject.split), surface)
    evidence = _evidence(subject, heard)
    kept = is_kept(tuned, subject.unit)
    outcome = Outcome(
        subject.split,
        subject.unit,
        subject.decoder.name,
        len(subject.index),
        tuned,
        evidence.known(),
        kept,
        tuple(doubts_of(tuned, subject.unit, evidence)),
        surface,
    )
    if kept:
        subject.keep(tuned.best, _line(outcome))
    return outcome


def at_the_edge(best: Trial, space: Space) -> list[str]:
    """The weights that lie where their range ends, beyond which better ones may lie."""
    found = []
    for name in ("lm_weight", "word_score"):
        value, (low, high) = getattr(best.weights, name), getattr(space, name)
        margin = EDGE * (high - low)
        # Nothing lies below a weight of 0.
        if value > high - margin or (value < low + margin and (name, low) != ("lm_weight", 0.0)):
            found.append(name)
    return found


def is_kept(tuned: Tuned, unit: Unit) -> bool:
    """Whether the best is better than greedy search, or as good and has a language model's say."""
    best, greedy = tuned.best.cost(unit), tuned.greedy.cost(unit)
    return best < greedy or (best == greedy and _lm_weight(tuned) > 0)


def doubts_of(tuned: Tuned, unit: Unit, evidence: Evidence) -> Iterator[str]:
    """That the language model does not help, where it does not, and why that may be."""
    greedy, zero, best = (
        trial.score(unit).errors for trial in (tuned.greedy, tuned.zero, tuned.best)
    )
    if best > greedy:
        yield "greedy search makes fewer errors than the best of this decoder"
    elif best >= zero or not _lm_weight(tuned):
        yield "the language model makes no fewer errors than the search without it"
    else:
        return
    yield from evidence.reasons(search_is_worse=zero > greedy)


def _check_decoder(decoder: Chosen, toolkit: Toolkit) -> None:
    options = toolkit.options("decoder", decoder.name)
    if not all(name in options for name in NEEDED):
        raise UserError(
            f"decoder '{decoder.name}' has no weights to tune (such as lm_weight); name one that "
            "has, with decoder.name=beam decoder.language_model.name=ngram "
            "decoder.language_model.path=FILE"
        )
    if decoder.options["language_model"] is None:
        raise UserError(
            f"decoder '{decoder.name}' is given no language model to tune; name one, with "
            "decoder.language_model.name=ngram decoder.language_model.path=FILE"
        )


def _log_probs(subject: Subject, listener: Listener) -> LogProbs:
    """What was kept of the split, or the network over it."""
    network = subject.network
    found = log_probs.find(subject.log_probs, network.digests, listener.say)
    if found is not None:
        return found
    seconds = float(subject.index.seconds.sum())
    with listener.bar(seconds, f"the network over {subject.split}") as shown:
        return log_probs.keep(subject.log_probs, network, done=shown, between=listener.between)


def _scores(said: str, heard: str) -> tuple[Score, Score]:
    return score_words(said, heard), score_characters(said, heard, spaces=False)


def _evidence(subject: Subject, heard: LogProbs) -> Evidence:
    path = subject.decoder.options.get("lexicon")
    lexicon = lexicon_words(path, subject.tokenizer) if path else None
    texts = [subject.tokenizer.normalise(text) for text in subject.index.texts]
    return Evidence(texts, subject.tokenizer, subject.loaded["language_model"], lexicon, heard)


def _lm_weight(tuned: Tuned) -> float:
    assert tuned.best.weights is not None
    return tuned.best.weights.lm_weight


def _line(outcome: Outcome) -> str:
    """For the model's card."""
    tuned, unit = outcome.tuned, outcome.unit
    return (
        f"`{outcome.split}` ({outcome.utterances:,} utterances): {outcome.decoder} search, "
        f"{in_words(tuned.best, unit)} (greedy: {percent(tuned.greedy, unit)})."
    )
