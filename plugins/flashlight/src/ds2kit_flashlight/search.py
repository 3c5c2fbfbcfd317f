"""flashlight's decoders, made: through the words of a lexicon, or through all tokens."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from flashlight.lib.text.decoder import (
    LM,
    CriterionType,
    LexiconDecoder,
    LexiconDecoderOptions,
    LexiconFreeDecoder,
    LexiconFreeDecoderOptions,
    SmearingMode,
    Trie,
    ZeroLM,
)

from ds2kit.components import BLANK, Tokenizer
from ds2kit_flashlight.asked import AskedModel
from ds2kit_flashlight.frames import UNLIKELY
from ds2kit_flashlight.fusion import Account, Fusion, Weights
from ds2kit_flashlight.kenlm import LN_10
from ds2kit_flashlight.lexicon import Lexicon
from ds2kit_flashlight.rivals import Rival
from ds2kit_flashlight.run import Found, Run, SlottedRun, TokenRun

MOST_ALIKE = 6
"""Words of one spelling that flashlight's tree takes; it complains of more."""


@dataclass(frozen=True)
class Limits:
    """What a search leaves out.

    beam:           hypotheses that are kept after each frame
    beam_threshold: how much worse than the best one they may be
    top_k:          tokens of a frame, the most probable ones
    log_add:        a text is as probable as all of its alignments, not as the best one
    """

    beam: int
    beam_threshold: float
    top_k: int
    log_add: bool


@dataclass(frozen=True)
class Native:
    """A language model of the library's own, weighed by flashlight itself.

    language_model: None: there is none
    order:          how many labels in a row it looks at; None: nobody knows
    """

    language_model: LM | None
    order: int | None
    weights: Weights

    @property
    def lm(self) -> LM:
        return self.language_model or ZeroLM()

    def remembered(self, told: Sequence[int], labels: Sequence[int]) -> Hashable:
        """What the probability of more labels hangs on, after those told, and these."""
        if self.order is None:
            return tuple(labels)
        count = self.order - 1
        return (*told[-count:], *labels)[-count:] if count else ()

    @property
    def lm_weight(self) -> float:
        """The weight of a logarithm of base 10, which the library's are."""
        return LN_10 * self.weights.lm_weight

    def account(self, log10: float, labels: int) -> Account:
        """What so many labels are worth."""
        language = LN_10 * log10
        total = self.weights.lm_weight * language + self.weights.word_score * labels
        return Account(language, total, labels)


class Search(ABC):
    """A way to search, which any number of utterances may go at once."""

    def __init__(self, scores: Native | Fusion) -> None:
        self._scores = scores

    @property
    def has_language_model(self) -> bool:
        if isinstance(self._scores, Native):
            return self._scores.language_model is not None
        return self._scores.has_language_model

    @abstractmethod
    def begin(self) -> Run:
        """The search through an utterance."""

    @abstractmethod
    def labels(self, found: Found, begin: int, end: int) -> list[int]:
        """Those that a path has in its places [begin, end)."""

    @abstractmethod
    def whole(self, found: Found, end: int) -> int:
        """How many of a path's places, at most `end`, hold whole words only."""

    @abstractmethod
    def rival(self, run: Run, found: Found, begin: int, told: Sequence[int]) -> Rival:
        """A path's part in the contest, from a place on.

        told: the labels before that place
        """

    @abstractmethod
    def without_rest(self, found: Found, begin: int, labels: int) -> list[int]:
        """The tokens of a path's places, blanks after its last whole word.

        labels: how many, from the place `begin` on, make whole words
        """

    def _future(self, run: Run, told: Sequence[int], labels: Sequence[int]) -> Hashable:
        if isinstance(self._scores, Native):
            return self._scores.remembered(told, labels)
        return run.future(labels)

    def account(self, labels: Sequence[int], log10: float) -> Account:
        """What a text is worth besides its sound.

        log10: of its probability, where the library's own language model gave it
        """
        if isinstance(self._scores, Native):
            return self._scores.account(log10, len(labels))
        return self._scores.account(labels)


class WordSearch(Search):
    """Through a lexicon's words, with the token that is a space between them.

    flashlight knows the end of a word by the space after it. So each spelling has one at its end,
    and the utterance a frame that certainly is one; spaces may stand anywhere between words, and a
    text is as probable as all of its alignments, those with two spaces too.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        tokenizer: Tokenizer,
        space: int,
        limits: Limits,
        scores: Native | Fusion,
    ) -> None:
        super().__init__(scores)
        self._space, self._words, self._limits = space, range(len(lexicon.words)), limits
        self._top_k = min(limits.top_k, tokenizer.size)
        self._trie = Trie(tokenizer.size, space)
        self._insert(lexicon)
        self._ending = np.full((1, tokenizer.size), UNLIKELY, np.float32)
        self._ending[0, space] = 0.0

    def begin(self) -> Run:
        native = isinstance(self._scores, Native)
        options = LexiconDecoderOptions(
            beam_size=self._limits.beam,
            beam_size_token=self._top_k,
            beam_threshold=self._limits.beam_threshold,
            lm_weight=self._scores.lm_weight if isinstance(self._scores, Native) else 1.0,
            word_score=self._scores.weights.word_score if native else 0.0,
            unk_score=-math.inf,
            sil_score=0.0,
            log_add=self._limits.log_add,
            criterion_type=CriterionType.CTC,
        )
        lm = self._lm()
        no_unknown, by_word = -1, False
        decoder = LexiconDecoder(
            options, self._trie, lm, self._space, BLANK, no_unknown, [], by_word
        )
        return Run(decoder, lm, self._ending)

    def labels(self, found: Found, begin: int, end: int) -> list[int]:
        return [label for label in found.ends[begin:end] if label >= 0]

    def whole(self, found: Found, end: int) -> int:
        last = max((i for i in range(end) if found.ends[i] >= 0), default=-1) + 1
        while last < end and found.tokens[last] in (BLANK, self._space):
            last += 1
        return last

    def rival(self, run: Run, found: Found, begin: int, told: Sequence[int]) -> Rival:
        future = self._future(run, told, self.labels(found, begin, len(found.tokens)))
        ended = max((i for i, end in enumerate(found.ends) if end >= 0), default=0)
        unfinished = tuple(found.said(max(begin, ended + 1)))
        # Words are told whole, so that another begins here, whatever spaces there are.
        words = groupby(found.said(begin), key=lambda token: token == self._space)
        text = tuple(tuple(word) for is_space, word in words if not is_space)
        return Rival(text, (future, unfinished, found.tokens[-1]), found.score)

    def without_rest(self, found: Found, begin: int, labels: int) -> list[int]:
        places = len(found.tokens)
        closed = len(found.ends) > places and found.ends[places] >= 0
        whole = places if closed else self.whole(found, places)
        return found.tokens[:whole] + [BLANK] * (places - whole)

    def _lm(self) -> LM:
        if isinstance(self._scores, Native):
            return self._scores.lm
        return AskedModel(self._scores, self._words)

    def _insert(self, lexicon: Lexicon) -> None:
        """Hang the words into the tree, each with what it is worth as the first of a text: so the
        search looks ahead, and takes that back where a word ends.
        """
        lm = self._lm()
        start = lm.start(False)
        counted = 0.0 if isinstance(self._scores, Native) else self._scores.weights.word_score
        alike: dict[tuple[int, ...], list[tuple[float, int]]] = {}
        for label, spellings in enumerate(lexicon.spellings):
            worth = lm.score(start, label)[1] - counted
            for spelling in spellings:
                alike.setdefault(spelling, []).append((worth, label))
        for spelling, words in alike.items():
            for worth, label in sorted(words, reverse=True)[:MOST_ALIKE]:
                self._trie.insert([*spelling, self._space], label, worth)
        self._trie.smear(SmearingMode.MAX)


class TokenSearch(Search):
    """Through all tokens; the labels are the tokens.

    A language model of the library's own is asked for each. Anything else is asked for the tokens
    that a frame considers, in columns of their own.
    """

    def __init__(self, tokenizer: Tokenizer, limits: Limits, scores: Native | Fusion) -> None:
        super().__init__(scores)
        self._size, self._limits = tokenizer.size, limits
        self._opens = [token.startswith(" ") for token in tokenizer.tokens]
        merges = isinstance(scores, Fusion) and scores.merges
        self._reads = tokenizer.tokens if merges else None

    def begin(self) -> Run:
        if isinstance(self._scores, Native):
            lm = self._scores.lm
            # The most probable ones, and the blank.
            decoder = self._decoder(lm, self._scores.lm_weight, self._limits.top_k + 1)
            return TokenRun(decoder, lm, None)
        asked = AskedModel(self._scores, range(self._size))
        return SlottedRun(self._decoder(asked, 1.0, self._size), asked)

    def labels(self, found: Found, begin: int, end: int) -> list[int]:
        return found.said(begin, end)

    def rival(self, run: Run, found: Found, begin: int, told: Sequence[int]) -> Rival:
        labels = found.said(begin)
        text: Hashable = tuple(labels)
        future = (self._future(run, told, labels), found.tokens[-1])
        if self._reads is None:
            return Rival(text, future, found.score)
        reads = "".join(self._reads[label] for label in [*told[-1:], *labels])
        words = (reads if told else reads.lstrip(" ")).split(" ")
        text = tuple(word for i, word in enumerate(words) if word or i == 0)
        return Rival(text, (future, reads.endswith(" ")), found.score)

    def without_rest(self, found: Found, begin: int, labels: int) -> list[int]:
        places = len(found.tokens)
        while len(found.said(begin, places)) > labels:
            places -= 1
        return found.tokens[:places] + [BLANK] * (len(found.tokens) - places)

    def whole(self, found: Found, end: int) -> int:
        if isinstance(self._scores, Native) or not self._scores.has_lexicon:
            return end
        # The last word is one when the next begins.
        opened = (i for i in range(1, end) if self._opens[found.tokens[i]])
        return max((i for i in opened if found.tokens[i - 1] != found.tokens[i]), default=0)

    def _decoder(self, lm: LM, lm_weight: float, top_k: int) -> LexiconFreeDecoder:
        options = LexiconFreeDecoderOptions(
            beam_size=self._limits.beam,
            beam_size_token=min(top_k, self._size),
            beam_threshold=self._limits.beam_threshold,
            lm_weight=lm_weight,
            sil_score=0.0,
            log_add=self._limits.log_add,
            criterion_type=CriterionType.CTC,
        )
        no_silence = BLANK
        return LexiconFreeDecoder(options, lm, no_silence, BLANK, [])
