"""What a search is told: how much it leaves out, and what counts how much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from ds2kit.components import LanguageModel
from ds2kit.errors import UserError


@dataclass(frozen=True)
class Limits:
    """What a search leaves out.

    beam:           so many texts stay after each frame
    beam_threshold: and none whose score is by so much worse than the best one's
    top_p, top_k:   the tokens of a frame, as `pruning.likely` takes them
    n_best:         hypotheses that are wanted; where it is one, the texts that cannot become it

    Raises UserError where a number is out of its range.
    """

    beam: int
    beam_threshold: float
    top_p: float
    top_k: int
    n_best: int

    def __post_init__(self) -> None:
        for name in ("beam", "top_k", "n_best"):
            if getattr(self, name) < 1:
                raise UserError(f"decoder: {name} is {getattr(self, name)}; it takes 1 or more")
        if not self.beam_threshold > 0:
            found = f"beam_threshold is {self.beam_threshold:g}"
            raise UserError(f"decoder: {found}; it takes above 0")
        if not 0 < self.top_p <= 1:
            raise UserError(
                f"decoder: top_p is {self.top_p:g}; it takes more than 0, and 1 at most"
            )


@dataclass(frozen=True)
class Weights:
    """What counts how much beside ln p_ctc, all in natural logarithms.

    lm_weight:     of ln P of the language model
    word_score:    for each of its units
    unknown_score: for each unit that it does not know
    """

    lm_weight: float = 1.0
    word_score: float = 0.0
    unknown_score: float = 0.0

    @classmethod
    def of(
        cls,
        language_model: LanguageModel | None,
        lm_weight: float | None,
        word_score: float,
        unknown_score: float = 0.0,
    ) -> Self:
        """Those that somebody asked for; a language model of no other weight has 1.

        Raises UserError where one is no number, or weighs a language model that is not there.
        """
        given = {"word_score": word_score, "unknown_score": unknown_score}
        for name, value in {"lm_weight": lm_weight or 0.0, **given}.items():
            if not math.isfinite(value):
                raise UserError(f"decoder: {name} is {value}; it takes a number")
        if lm_weight and language_model is None:
            raise UserError(
                f"decoder: lm_weight is {lm_weight:g}, and there is no language model to weigh; "
                "give language_model, or leave lm_weight out"
            )
        return cls(1.0 if lm_weight is None else lm_weight, **given)
