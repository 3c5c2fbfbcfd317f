"""Which searches decoding.py compares: made of one language model, at defaults and at their best.

Weights are tuned on dev, with as many trials for each search, as `ds2kit tune` does it. Every trial
is a line of a journal, so that a second run need not repeat them.
"""

from __future__ import annotations

import gzip
import lzma
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, cast

from pyctcdecode_peer import Pyctcdecode, environment, labels_of
from searches import DirectTokens, DirectWords, Ours, Search, Split

from ds2kit import model_folder
from ds2kit.components import Unit
from ds2kit.decoding.greedy import Greedy
from ds2kit.decoding.settings import begin_with, digest
from ds2kit.decoding.tune import Journal, Space, Task, Trial, Tuned, Tuning, Weights, tune
from ds2kit.decoding.words import between_words
from ds2kit.decoding.workers import Workers
from ds2kit.files import whole_file
from ds2kit.lm.lexicon import make_lexicon, vocabulary
from ds2kit.options import Chosen
from ds2kit.registry import Toolkit
from ds2kit.scoring.align import score_characters, score_words
from ds2kit.text.normalise import prepared
from ds2kit.training.places import find
from ds2kit.types import Score

Way = Literal["greedy", "beam", "flashlight", "flashlight directly", "pyctcdecode"]

READERS = {"beam": "ngram", "flashlight": "kenlm"}
"""The language model component that goes with a decoder: `ngram` needs no plugin."""

BEAM_OF_PYCTCDECODE = 100
"""Its default."""

OPEN = {".gz": gzip.open, ".xz": lzma.open}


@dataclass(frozen=True)
class Maker:
    """A way to search, its options of ds2kit's names, and how the table calls it."""

    name: str
    way: Way
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def with_options(self, **options: Any) -> Maker:
        return Maker(self.name, self.way, {**self.options, **options})

    def by(self, name: str, way: Way, **options: Any) -> Maker:
        """Another way, with the options of this one and some more."""
        return Maker(name, way, {**self.options, **options})


class Contest:
    """A model, its splits, a language model, and the searches that are made of them.

    trials: of weights, for each search; 0: nothing is tuned
    work:   for what is kept: the lexicon, the language model unpacked, journals
    """

    def __init__(
        self,
        experiment: Path,
        overrides: Sequence[str],
        language_model: Path,
        lexicon: Path | None,
        *,
        work: Path,
        environment: Path,
        trials: int,
    ) -> None:
        self.toolkit, place = Toolkit.installed(), find(experiment)
        config = place.config(self.toolkit, overrides)
        self.tokenizer = model_folder.load_tokenizer(
            place.model / model_folder.TOKENIZER, config, self.toolkit
        )
        self.experiment, self.data = experiment, config.speech.data
        self.trials, self.environment, self.work = trials, environment, work
        work.mkdir(parents=True, exist_ok=True)
        self._models: dict[str, Any] = {}
        self.arpa = _plain(language_model, work / "language_model.arpa")
        self.lexicon = lexicon or self._lexicon(work / "lexicon.txt")

    @property
    def unit(self) -> Literal["word", "character"]:
        """Whose errors are counted: the word, or the character where no token has a space."""
        return "word" if between_words(self.tokenizer) else "character"

    def score(self, said: str, heard: str) -> tuple[Score, Score]:
        """In words and in characters; both sides are normalised by the tokenizer."""
        heard = self.tokenizer.normalise(heard)
        return score_words(said, heard), score_characters(said, heard, spaces=False)

    @cached_property
    def counts(self) -> Unit:
        """What the language model counts."""
        return cast(Unit, self._model("ngram").unit)

    def split(self, name: str) -> Split:
        return Split(self.experiment, self.data, name, self.tokenizer)

    def close(self) -> None:
        if "pyctcdecode" in self.__dict__ and self.pyctcdecode:
            self.pyctcdecode.close()

    @cached_property
    def pyctcdecode(self) -> Pyctcdecode | None:
        """The peer's process; None where it cannot read the tokenizer's tokens."""
        labels = labels_of(self.tokenizer, self.counts)
        if labels is None:
            return None
        joined = self.unit == "character"
        return Pyctcdecode(environment(self.environment), labels, self.arpa, joined=joined)

    def make(self, maker: Maker) -> Search:
        """The search of such options."""
        options = dict(maker.options)
        if maker.way == "greedy":
            return Ours(Greedy(self.tokenizer))
        if maker.way == "pyctcdecode":
            assert self.pyctcdecode is not None, "no row was made of it"
            names = {"lm_weight": "alpha", "word_score": "beta", "beam": "beam_width"}
            told = {names[name]: value for name, value in options.items()}
            return partial(self.pyctcdecode.turn, options=told)
        if maker.way == "flashlight directly":
            direct = DirectWords if self.counts == "word" else DirectTokens
            return direct(self.tokenizer, self.arpa, self.defaults | options)
        options["language_model"] = self._model(READERS[maker.way])
        chosen = Chosen("decoder", maker.way, options)
        return Ours(self.toolkit.make(chosen, self.tokenizer))

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Of ds2kit's flashlight: what is not told to flashlight itself."""
        options = self.toolkit.options("decoder", "flashlight").values()
        return {option.name: option.default for option in options} | {"lm_weight": 1.0}

    def tuned(self, maker: Maker, dev: Split) -> Best:
        """The weights and the beam with which a search has the fewest errors on dev."""
        folder = self.work / "tune" / dev.name / maker.name.replace(", ", "-").replace(" ", "_")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "trials.jsonl"
        options = {name: str(value) for name, value in maker.options.items()}
        options["lexicon"] = digest(self.lexicon) if "lexicon" in options else "none"
        about = {**dev.log_probs.about, "language_model": digest(self.arpa), "decoder": options}
        begin_with(folder, about, "tune", begun=path.is_file())
        worker = cast("Workers[Task, str]", InTurn(self, maker, dev))

        def tell(trial: Trial) -> None:
            rate = 100 * trial.score(self.unit).rate
            print(f"{maker.name}: {trial.weights or 'greedy'}: {rate:.2f} %", file=sys.stderr)

        tuning = Tuning(Journal(path), worker, dev.texts, self.unit, self.score, told=tell)
        return Best(tuning, tune(tuning, self._beam(maker.way), Space(trials=self.trials)))

    def _beam(self, way: Way) -> int:
        """The default of a search: its weights are tuned with that."""
        if way == "pyctcdecode":
            return BEAM_OF_PYCTCDECODE
        return cast(int, self.toolkit.options("decoder", way)["beam"].default)

    def _model(self, name: str) -> Any:
        if name not in self._models:
            chosen = Chosen("language_model", name, {"path": self.arpa})
            self._models[name] = self.toolkit.make(chosen)
        return self._models[name]

    def _lexicon(self, path: Path) -> Path:
        """All words of the language model that the tokenizer can write."""
        if self.counts == "word":
            lines = make_lexicon(vocabulary([self.arpa], prepared, None), self.tokenizer).lines
            with whole_file(path) as aside:
                aside.write_text("".join(lines), encoding="utf-8")
        return path


class InTurn:
    """As `Workers` does it, but in this process, and a split at a time."""

    def __init__(self, contest: Contest, maker: Maker, split: Split) -> None:
        self._contest, self._maker, self._split = contest, maker, split

    def map(
        self, batches: Sequence[Sequence[tuple[str, Task]]], between: object
    ) -> Iterator[tuple[str, str]]:
        for batch in batches:
            keys, weights = [key for key, _ in batch], batch[0][1][0]
            maker = self._maker.with_options(**weights.options()) if weights else GREEDY
            yield from zip(keys, self._contest.make(maker)(self._split, keys).texts, strict=True)


GREEDY = Maker("greedy", "greedy")


@dataclass(frozen=True)
class Best:
    """What was found on dev for a search."""

    tuning: Tuning
    tuned: Tuned

    @property
    def weights(self) -> Weights:
        assert self.tuned.best.weights is not None, "greedy is not tuned"
        return self.tuned.best.weights

    @property
    def errors(self) -> int:
        return self.tuned.best.score(self.tuning.unit).errors

    def narrowed(self, errors: int) -> Weights:
        """The same weights with the narrowest beam, halved again and again, that makes so many
        errors at most.
        """
        found = self.weights
        while found.beam is not None and found.beam > 1:
            narrower = found._replace(beam=found.beam // 2)
            if self.tuning.run(narrower).score(self.tuning.unit).errors > errors:
                break
            found = narrower
        return found


def _plain(path: Path, unpacked: Path) -> Path:
    """An ARPA file as pyctcdecode wants it, which reads the words of plain ones only."""
    if path.suffix == ".arpa":
        return path
    opened = OPEN.get(path.suffix, open)
    with whole_file(unpacked) as aside, opened(path, "rb") as packed, aside.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return unpacked
