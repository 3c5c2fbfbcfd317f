"""What texts are worth beside their sound, where flashlight weighs it itself.

A label is what a search goes by: a word of its lexicon, or a token. A context is what is known of
the labels so far.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple, Protocol

from flashlight.lib.text.decoder import LM, ZeroLM

from ds2kit.decoding.limits import Weights
from ds2kit.lm.ngrams import LN_10


class Scores(Protocol):
    """The scores of one search.

    model:      flashlight's language model, which it does not keep alive itself
    lm_weight:  what flashlight multiplies the model's scores by
    word_score: what flashlight adds for each word
    """

    @property
    def model(self) -> LM: ...
    @property
    def lm_weight(self) -> float: ...
    @property
    def word_score(self) -> float: ...

    def begin(self) -> Any:
        """The context before the first label."""

    def after(self, context: Any, label: int) -> Any:
        """The context with one label more."""

    def future(self, context: Any) -> Hashable:
        """What the scores of further labels hang on."""

    def may_end(self, context: Any) -> bool:
        """Whether a text may end here: not amid a word of a lexicon."""

    def whole(self, context: Any, log10: float) -> tuple[float | None, float]:
        """ln P of a text that ends here, None without a language model, and what it is worth.

        log10: the sum of the scores of flashlight's language model
        """


class Recent(NamedTuple):
    """How many labels there were, and the last of them."""

    total: int
    labels: tuple[int, ...]


class NativeScores:
    """A language model of flashlight's, or none, with the weights that flashlight knows.

    order: how many labels in a row the model looks at; None: nobody knows
    """

    def __init__(self, model: LM | None, order: int | None, weights: Weights) -> None:
        self.model = ZeroLM() if model is None else model
        # The library's logarithms are of base 10.
        self.lm_weight, self.word_score = LN_10 * weights.lm_weight, weights.word_score
        self._has_model = model is not None
        self._remembered = None if order is None else order - 1

    def begin(self) -> Recent:
        return Recent(0, ())

    def after(self, context: Recent, label: int) -> Recent:
        labels = (*context.labels, label)
        if self._remembered is not None:
            labels = labels[max(0, len(labels) - self._remembered) :]
        return Recent(context.total + 1, labels)

    def future(self, context: Recent) -> Hashable:
        return context.labels

    def may_end(self, context: Recent) -> bool:
        return True

    def whole(self, context: Recent, log10: float) -> tuple[float | None, float]:
        worth = self.lm_weight * log10 + self.word_score * context.total
        return LN_10 * log10 if self._has_model else None, worth
