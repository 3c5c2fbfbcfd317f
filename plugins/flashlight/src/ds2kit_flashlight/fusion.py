"""What a text is worth besides its sound: the language model's probability, scores for words."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ds2kit.components import END, LanguageModel
from ds2kit_flashlight.frames import UNLIKELY
from ds2kit_flashlight.hot_words import HotWords
from ds2kit_flashlight.readers import Read, Reader, Spelled


@dataclass(frozen=True)
class Weights:
    """What counts how much, in natural logarithms.

    lm_weight:     of ln P of the language model
    word_score:    for each of its units
    unknown_score: for each unit that it does not know
    """

    lm_weight: float
    word_score: float
    unknown_score: float = 0.0


class Prefix(NamedTuple):
    """The beginning of a text.

    text:  as it reads, spaces folded; empty where nobody needs it
    rest:  the reader's
    state: the language model's
    tail:  the end of the text, as far as hot words need it
    ahead: what was credited in advance
    """

    text: str
    rest: Hashable
    state: Hashable
    tail: str
    ahead: float


class Account(NamedTuple):
    """What a whole text is worth.

    language: ln P of the language model
    total:    weighted, with the scores and bonuses
    complete: labels without those of a last word that is none
    """

    language: float
    total: float
    complete: int


class Fusion:
    """Leads texts on, label by label, in natural logarithms.

    texts:  of each label, with the spaces that it has
    merges: texts that read the same are the same; else only those of the same labels
    """

    def __init__(
        self,
        reader: Reader,
        texts: Sequence[str],
        weights: Weights,
        *,
        language_model: LanguageModel | None,
        hot_words: HotWords | None = None,
        merges: bool = False,
    ) -> None:
        self.merges, self.weights = merges, weights
        self._reader, self._texts = reader, texts
        self._model, self._hot_words = language_model, hot_words

    @property
    def has_language_model(self) -> bool:
        return self._model is not None

    @property
    def has_lexicon(self) -> bool:
        """Whether a text may break off in what is no word."""
        return isinstance(self._reader, Spelled)

    def begin(self) -> Prefix:
        state = self._model.initial_state() if self._model else None
        return Prefix("", self._reader.start, state, "", 0.0)

    def follow(self, prefix: Prefix, label: int) -> tuple[float, Prefix]:
        """What a label adds, and the text with it."""
        read = self._reader.read(prefix.rest, label)
        gain, _, state = self._worth(read, prefix.state)
        text, tail, ahead = prefix.text, prefix.tail, read.ahead
        if self.merges or self._hot_words:
            added = _folded(text, self._texts[label])
            # Hot words ask only whether there was a text before, and how it ended.
            text = text + added if self.merges else (text + added)[-1:]
            if self._hot_words:
                tail, bonus = self._hot_words.follow(tail, added)
                gain, ahead = gain + bonus, ahead + self._hot_words.promised(tail)
        return gain + ahead - prefix.ahead, Prefix(text, read.rest, state, tail, ahead)

    def end(self, prefix: Prefix) -> float:
        """What the end of the text adds."""
        read = self._reader.end(prefix.rest)
        gain, _, _ = self._worth(read, prefix.state, (END,) if self._model else ())
        if self._hot_words:
            gain += self._hot_words.follow(prefix.tail, " ")[1]
        return gain - prefix.ahead

    def account(self, labels: Sequence[int]) -> Account:
        """What the text of all these labels is worth, without what is no word at its end."""
        prefix, language, total, complete = self.begin(), 0.0, 0.0, 0
        for number, label in enumerate(labels, start=1):
            read = self._reader.read(prefix.rest, label)
            language += self._worth(read, prefix.state)[1]
            gain, prefix = self.follow(prefix, label)
            total += gain
            if self._reader.end(prefix.rest).allowed:
                complete = number
        read = self._reader.end(prefix.rest)
        language += self._worth(read, prefix.state, (END,) if self._model else ())[1]
        return Account(language, total + self.end(prefix), complete)

    def _worth(
        self, read: Read, state: Hashable, end: tuple[str, ...] = ()
    ) -> tuple[float, float, Hashable]:
        """What units are worth, their ln P, and the language model's state after them."""
        if not (read.units or end) and read.allowed:
            return 0.0, 0.0, state
        weights, language = self.weights, 0.0
        gain = weights.word_score * len(read.units) + (0.0 if read.allowed else UNLIKELY)
        if self._model:
            for unit in read.units + end:
                (score,), (state,) = self._model.score([state], [unit])
                language += score
            if weights.unknown_score:
                unknown = sum(not self._model.knows(unit) for unit in read.units)
                gain += weights.unknown_score * unknown
        return gain + weights.lm_weight * language, language, state


def _folded(text: str, added: str) -> str:
    """What is added to a text, with single spaces, and none at the beginning."""
    return added.lstrip(" ") if not text or text.endswith(" ") else added
