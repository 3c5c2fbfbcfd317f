"""Why a language model may make an error rate worse: what of it can be measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ds2kit.components import BLANK, END, LanguageModel, Tokenizer, Unit
from ds2kit.decoding.lexicon import read_lexicon
from ds2kit.decoding.log_probs import LogProbs
from ds2kit.lm.units import units_of

NAMED = 5
"""Units that are named where many are unknown."""

FEW = 0.95
"""A language model that knows a smaller share of what was said is told of."""

LOOKED_AT = 50
"""Utterances whose frames are looked at."""

LEAST_BLANK = 0.05
"""A trained network thinks of the blank first in a larger share of the frames."""

SUMMED = 2000
"""Units whose probabilities are summed."""


@dataclass(frozen=True)
class Coverage:
    """How much of what was said somebody knows.

    units:      that were said
    known:      of those
    unknown:    the most frequent others
    other_case: of the unknown, how many would be known in upper or in lower case
    """

    unit: Unit
    units: int
    known: int
    unknown: tuple[str, ...]
    other_case: int

    @property
    def share(self) -> float:
        return self.known / self.units if self.units else 1.0

    def __str__(self) -> str:
        return f"{100 * self.share:.1f} % of {self.units:,} {self.unit}s"


def coverage(
    texts: Iterable[str], unit: Unit, tokenizer: Tokenizer, knows: Callable[[str], bool]
) -> Coverage:
    """How much of the texts somebody knows."""
    said = Counter(one for text in texts for one in units(text, unit, tokenizer))
    unknown = Counter({one: count for one, count in said.items() if not knows(one)})
    return Coverage(
        unit,
        units=said.total(),
        known=said.total() - unknown.total(),
        unknown=tuple(one for one, _ in unknown.most_common(NAMED)),
        other_case=sum(
            count for one, count in unknown.items() if knows(one.upper()) or knows(one.lower())
        ),
    )


def units(text: str, unit: Unit, tokenizer: Tokenizer) -> list[str]:
    """A text as a language model counts it; nothing where the tokenizer cannot write it."""
    if unit == "token" and tokenizer.foreign(text):
        return []
    return units_of(text, unit, tokenizer)


def lexicon_words(path: Path, tokenizer: Tokenizer) -> dict[str, list[str]]:
    """The words of a lexicon, by how they are written in a transcript."""
    found: dict[str, list[str]] = {}
    for word in read_lexicon(path, tokenizer):
        found.setdefault(tokenizer.normalise(word), []).append(word)
    return found


@dataclass(frozen=True)
class Evidence:
    """What is looked at where a language model does not help.

    texts:          that were said
    language_model: as the decoder has it
    lexicon:        its words, as `lexicon_words` gives them; None: the decoder has none
    log_probs:      of the split
    """

    texts: Sequence[str]
    tokenizer: Tokenizer
    language_model: LanguageModel
    lexicon: dict[str, list[str]] | None
    log_probs: LogProbs

    def known(self) -> Coverage:
        """How much of what was said the language model knows, as the lexicon writes it."""
        knows, lexicon = self.language_model.knows, self.lexicon or {}
        return coverage(
            self.texts,
            self.language_model.unit,
            self.tokenizer,
            lambda one: any(map(knows, lexicon.get(one, [one]))),
        )

    def reasons(self, *, search_is_worse: bool) -> Iterator[str]:
        """What may be wrong, each in a line that names the remedy.

        search_is_worse: whether the search without the language model is worse than greedy
        """
        if search_is_worse:
            yield (
                "the search is worse than greedy without it too: look at lexicon, beam, top_p and "
                "top_k first"
            )
        yield from self._of_the_lexicon()
        yield from self._of_the_vocabulary()
        yield from self._of_the_probabilities()
        yield from self._of_the_blank()

    def _of_the_lexicon(self) -> Iterator[str]:
        if self.lexicon is None:
            return
        covered = coverage(self.texts, "word", self.tokenizer, self.lexicon.__contains__)
        if covered.unknown:
            yield (
                f"the lexicon has {covered}, and what it lacks cannot be heard (such as "
                f"{', '.join(covered.unknown)}): add words, or leave it out"
            )

    def _of_the_vocabulary(self) -> Iterator[str]:
        known = self.known()
        if known.share >= FEW:
            return
        yield (
            f"the language model knows {known} that were said (not {', '.join(known.unknown)}): "
            "build it from text that is written as the transcripts are, with the unit that fits"
        )
        if 2 * known.other_case > known.units - known.known:
            yield (
                f"{known.other_case:,} of the unknown it knows in upper or lower case: build it "
                "from text in the case of the transcripts"
            )

    def _of_the_probabilities(self) -> Iterator[str]:
        """A distribution sums to one at most: base-10 logarithms, taken for natural ones, do not
        (10 ** x as e ** x is x ** 0.43)."""
        model = self.language_model
        said = {one for text in self.texts for one in units(text, model.unit, self.tokenizer)}
        asked = [END, *islice(filter(model.knows, sorted(said)), SUMMED)]
        scores, _ = model.score([model.initial_state()] * len(asked), asked)
        natural = math.fsum(math.exp(score) for score in scores)
        if natural > 1.01:
            base_ten = math.fsum(10**score for score in scores)
            why = " (as base-10 logarithms they would not)" if base_ten <= 1.01 else ""
            yield (
                f"the probabilities of {len(asked):,} beginnings of a text sum to {natural:.2f}, "
                f"above one{why}: a language model gives natural logarithms"
            )

    def _of_the_blank(self) -> Iterator[str]:
        first = np.concatenate(
            [self.log_probs[key].argmax(axis=1) for key in self.log_probs.keys[:LOOKED_AT]]
        )
        share = float((first == BLANK).mean()) if len(first) else 1.0
        if share < LEAST_BLANK:
            yield (
                f"the network thinks of the blank first in {100 * share:.1f} % of the frames, "
                "which is very few: train it further, or see that token 0 is its blank"
            )
