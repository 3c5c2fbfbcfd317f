"""The decoder: beam search of flashlight-text, with a language model, a lexicon, hot words."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ds2kit.components import LanguageModel, StreamingDecoder, Tokenizer
from ds2kit.decoding.coverage import check_language_model
from ds2kit.decoding.frames import checked
from ds2kit.decoding.hot_words import checked_bonuses
from ds2kit.decoding.limits import Limits, Weights
from ds2kit.decoding.words import WordsSoFar
from ds2kit.types import Hypothesis, Padded, Word
from ds2kit_flashlight.choice import Choice
from ds2kit_flashlight.lexicon import lexicon_for
from ds2kit_flashlight.search import Matrix
from ds2kit_flashlight.stream import Stream


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
        self.tokenizer, self._nothing = tokenizer, WordsSoFar(tokenizer)
        self._limits = Limits(beam, beam_threshold, top_p, top_k, n_best)
        weights = Weights.of(language_model, lm_weight, word_score, unknown_score or 0.0)
        bonuses = checked_bonuses(hot_words or {}, tokenizer)
        any_word = unknown_score is not None
        self.lexicon = lexicon_for(tokenizer, language_model, lexicon, bonuses, any_word=any_word)
        if language_model is not None:
            words = None if self.lexicon is None else tuple(self.lexicon)
            check_language_model(language_model, tokenizer, words)
        self._search = Choice(
            tokenizer,
            self._limits,
            log_add,
            weights,
            language_model,
            self.lexicon,
            bonuses,
        ).searches()

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        """The best texts of each utterance.

        Raises UserError that names the utterance where its values are no log-probabilities.
        """
        lengths = log_probs.lengths.tolist()
        found = []
        for number, (row, length) in enumerate(zip(log_probs.values, lengths, strict=True), 1):
            whose = f"utterance {number} of {len(lengths)}"
            stream = self.begin()
            stream.hear_all(self._checked(row[:length], whose))
            found.append(stream.finish())
        return found

    def begin(self) -> Stream:
        return Stream(self._search(), self.tokenizer, self._nothing, self._limits)

    def advance(self, stream: Stream, log_probs: Tensor) -> tuple[Word, ...]:
        """A word is final when all hypotheses of the beam have it, in the same frames."""
        given = len(stream.words)
        whose = f"the stream after {stream.frames} frames"
        stream.hear(self._checked(log_probs, whose))
        return tuple(stream.words[given:])

    def partial(self, stream: Stream) -> Hypothesis:
        """The best hypothesis of the beam; a word at its end may be unfinished."""
        return stream.best_so_far()

    def finish(self, stream: Stream) -> Hypothesis:
        return stream.finish()[0]

    def _checked(self, log_probs: Tensor, whose: str) -> Matrix:
        return checked(log_probs, self.tokenizer.size, whose, dtype=torch.float32)
