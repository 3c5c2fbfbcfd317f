"""The reference search with a language model: CTC prefix beam search, literally."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ds2kit.components import LanguageModel, StreamingDecoder, Tokenizer
from ds2kit.decoding.coverage import check_language_model
from ds2kit.decoding.frames import checked
from ds2kit.decoding.fusion import Fusion
from ds2kit.decoding.hot_words import HotWords
from ds2kit.decoding.lexicon import Lexicon, read_lexicon
from ds2kit.decoding.limits import Limits, Weights
from ds2kit.decoding.search import Search
from ds2kit.decoding.words import WordsSoFar
from ds2kit.types import Hypothesis, Padded, Word


class Beam(StreamingDecoder):
    """Prefix beam search: the text y with the highest

        Q(y) = ln p_ctc(y|x) + lm_weight * ln p_lm(y) + word_score * |y|

    (Amodei et al. 2015, arXiv 1512.02595). p_ctc sums over all alignments of the text, p_lm counts
    the end of the text too, |y| is the number of the language model's units: words, characters or
    tokens; without a language model words, which are characters where no token has a space. The
    score of a hypothesis is Q, with the bonuses of its hot words. Written for clarity: the oracle
    of faster decoders, and what works where they cannot be installed.

    beam:           texts that are kept after each frame
    beam_threshold: how much worse than the best one they may be
    language_model: of words, scored where one ends; of characters or tokens, scored as they come
    lexicon:        the file of the only words that may be heard, word<TAB>token token ...
    lm_weight:      1 where there is a language model and no other weight is given
    unknown_score:  added for each unit that the language model does not know; below 0 it costs
    top_p, top_k:   of each frame the fewest tokens whose probability reaches top_p are considered,
        at most top_k of them, and the blank
    n_best:         hypotheses for each utterance, at most. A stream gives one: leave this at 1
        there, since all texts that may be among the n best are kept
    hot_words:      what each occurrence of a word, or a phrase of several, adds to the score, as
        natural logarithm: 2 makes it about 7 times as probable
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
        unknown_score: float = 0.0,
        top_p: float = 0.99,
        top_k: int = 40,
        n_best: int = 1,
        hot_words: dict[str, float] | None = None,
    ) -> None:
        self._limits = Limits(beam, beam_threshold, top_p, top_k, n_best)
        weights = Weights.of(language_model, lm_weight, word_score, unknown_score)
        words = read_lexicon(lexicon, tokenizer) if lexicon else None
        if language_model is not None:
            check_language_model(language_model, tokenizer, tuple(words) if words else None)
        self.tokenizer, self._nothing = tokenizer, WordsSoFar(tokenizer)
        self._fusion = Fusion(
            tokenizer,
            language_model=language_model,
            lexicon=Lexicon(words, tokenizer) if words else None,
            hot_words=HotWords(hot_words, tokenizer, words) if hot_words else None,
            weights=weights,
        )

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        """The best texts of each utterance.

        Raises UserError that names the utterance where its values are no log-probabilities.
        """
        lengths = log_probs.lengths.tolist()
        found = []
        for number, (row, length) in enumerate(zip(log_probs.values, lengths, strict=True), 1):
            whose = f"utterance {number} of {len(lengths)}"
            search = self.begin()
            search.hear(checked(row[:length], self.tokenizer.size, whose))
            found.append(search.best())
        return found

    def begin(self) -> Search:
        return Search(self.tokenizer, self._nothing, self._fusion, self._limits)

    def advance(self, stream: Search, log_probs: Tensor) -> tuple[Word, ...]:
        """A word is final when all texts that may become the best have it, in the same frames."""
        given = len(stream.words)
        whose = f"the stream after {stream.frames} frames"
        stream.hear(checked(log_probs, self.tokenizer.size, whose))
        return tuple(stream.words[given:])

    def partial(self, stream: Search) -> Hypothesis:
        """The best text of the beam; a word at its end may be unfinished, and is scored nowhere."""
        return stream.so_far()

    def finish(self, stream: Search) -> Hypothesis:
        return stream.best()[0]
