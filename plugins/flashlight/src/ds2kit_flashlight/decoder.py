"""The decoder: beam search of flashlight-text, with a language model, a lexicon, hot words."""

from __future__ import annotations

import math
from pathlib import Path

from torch import Tensor

from ds2kit.components import LanguageModel, StreamingDecoder, Tokenizer
from ds2kit.errors import UserError
from ds2kit.types import Hypothesis, Padded, Word
from ds2kit_flashlight.frames import checked
from ds2kit_flashlight.fusion import Weights
from ds2kit_flashlight.hearing import Hearing
from ds2kit_flashlight.hot_words import HotWords
from ds2kit_flashlight.lexicon import separator
from ds2kit_flashlight.making import Material, lexicon_for, search_for
from ds2kit_flashlight.search import Limits


class Flashlight(StreamingDecoder):
    """Beam search for the text y with the highest

        Q(y) = ln p_ctc(y|x) + lm_weight * ln p_lm(y) + word_score * |y|

    all in natural logarithms, by flashlight-text: p_lm with the end of the text, |y| the number of
    the language model's units: words, characters or tokens; without a language model words, which
    are characters where no token has a space. The score of a hypothesis is Q, with the bonuses of
    its hot words.

    beam:           hypotheses that are kept after each frame
    beam_threshold: how much worse than the best one they may be
    language_model: any; flashlight asks a `kenlm` itself, which is faster
    lexicon:        the file of the only words that may be heard, word<TAB>token token ...; a model
        of words that lists them, as `kenlm` does, needs none: then its words are the lexicon
    lm_weight:      1 where there is a language model and no other weight is given
    unknown_score:  what a word costs (below 0) that the language model does not know; with it any
        word may be heard. None: those of the lexicon only
    top_p, top_k:   of each frame the fewest tokens whose probability reaches top_p are considered,
        at most top_k of them, and the blank
    n_best:         hypotheses for each utterance, at most
    hot_words:      what each occurrence of a word, or a phrase of several, adds to the score, as
        natural logarithm: 2 makes it about 7 times as probable
    log_add:        p_ctc is of all alignments, as in Q; false: of the best one
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        beam: int = 50,
        beam_threshold: float = 25.0,
        language_model: LanguageModel | None = None,
        lexicon: Path | None = None,
        lm_weight: float | None = None,
        word_score: float = 0.0,
        unknown_score: float | None = None,
        top_p: float = 0.99,
        top_k: int = 40,
        n_best: int = 1,
        hot_words: dict[str, float] | None = None,
        log_add: bool = True,
    ) -> None:
        _check_whole(beam=beam, top_k=top_k, n_best=n_best)
        _check_finite(
            lm_weight=lm_weight or 0.0, word_score=word_score, unknown_score=unknown_score or 0.0
        )
        if not 0 < top_p <= 1:
            raise UserError(f"flashlight: top_p is {top_p:g}; it takes more than 0, and 1 at most")
        if not beam_threshold > 0:
            raise UserError(f"flashlight: beam_threshold is {beam_threshold:g}; it takes above 0")
        if lm_weight and language_model is None:
            raise UserError(
                f"flashlight: lm_weight is {lm_weight:g}, and there is no language model to "
                "weigh; give language_model, or leave lm_weight out"
            )
        self.tokenizer = tokenizer
        self._considered, self._n_best = (top_p, top_k), n_best
        self._space = separator(tokenizer)
        made = Material(
            tokenizer,
            Limits(beam, beam_threshold, top_k, log_add),
            Weights(1.0 if lm_weight is None else lm_weight, word_score, unknown_score or 0.0),
            language_model,
            HotWords(hot_words, tokenizer) if hot_words else None,
            open=unknown_score is not None,
        )
        self.lexicon = lexicon_for(made, lexicon)
        self._search = search_for(made, self.lexicon)

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        """The best texts of each utterance.

        Raises UserError that names the utterance where its values are no log-probabilities.
        """
        lengths = log_probs.lengths.tolist()
        found = []
        for number, (row, length) in enumerate(zip(log_probs.values, lengths, strict=True), 1):
            whose = f"utterance {number} of {len(lengths)}"
            hearing = self.begin()
            hearing.hear_all(checked(row[:length], self.tokenizer.size, whose))
            found.append(hearing.finish(self._n_best))
        return found

    def begin(self) -> Hearing:
        return Hearing(self._search, self.tokenizer, self._space, self._considered)

    def advance(self, stream: Hearing, log_probs: Tensor) -> tuple[Word, ...]:
        """A word is final when all hypotheses of the beam have it, in the same frames."""
        given = len(stream.words)
        whose = f"the stream after {stream.frames} frames"
        stream.hear(checked(log_probs, self.tokenizer.size, whose))
        return stream.words[given:]

    def partial(self, stream: Hearing) -> Hypothesis:
        """The best hypothesis of the beam; a word at its end may be unfinished."""
        return stream.best_so_far()

    def finish(self, stream: Hearing) -> Hypothesis:
        return stream.finish(1)[0]


def _check_whole(**numbers: int) -> None:
    for name, value in numbers.items():
        if value < 1:
            raise UserError(f"flashlight: {name} is {value}; it takes 1 or more")


def _check_finite(**numbers: float) -> None:
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise UserError(f"flashlight: {name} is {value}; it takes a number")
