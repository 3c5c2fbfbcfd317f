"""flashlight's decoders at work on an utterance: by the words of a lexicon, or by tokens."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from flashlight.lib.text.decoder import (
    CriterionType,
    LexiconDecoder,
    LexiconDecoderOptions,
    LexiconFreeDecoder,
    LexiconFreeDecoderOptions,
    SmearingMode,
    Trie,
)

from ds2kit.components import BLANK
from ds2kit.decoding.lexicon import Spellings
from ds2kit.decoding.limits import Limits
from ds2kit_flashlight.asked import UNLIKELY, AskedScores
from ds2kit_flashlight.columns import NOBODY, Columns
from ds2kit_flashlight.scores import Scores

Matrix: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

MOST_ALIKE = 6
"""Words of one spelling that flashlight's tree takes; it complains of more."""


@dataclass(frozen=True)
class Path:
    """A hypothesis: a way through the frames that a search remembers, and one place before them.

    tokens: of each place
    words:  the number of the word that ended in each; below 0: none
    score:  what it is ranked by, less what flashlight took off when it forgot frames
    log10:  the sum of its language model's scores
    """

    tokens: list[int]
    words: list[int]
    score: float
    log10: float

    def emitted(self, begin: int, end: int | None = None) -> list[int]:
        """The tokens of the places [begin, end), without blanks and repeats."""
        before = self.tokens[begin - 1] if begin else BLANK
        found = []
        for token in self.tokens[begin:end]:
            if token not in (before, BLANK):
                found.append(token)
            before = token
        return found


class Search(ABC):
    """One utterance's way through one of flashlight's decoders."""

    def __init__(self, decoder: Any, scores: Scores) -> None:
        self.scores = scores
        self._decoder = decoder
        self._places_after_end = 0
        decoder.decode_begin()

    def hear(self, log_probs: Matrix) -> None:
        """The next [frames, vocabulary]."""
        if len(log_probs):
            self._decoder.decode_step(log_probs.ctypes.data, *log_probs.shape)

    def end(self) -> None:
        """Nothing follows."""
        self._decoder.decode_end()
        self._places_after_end += 1

    def paths(self) -> Iterator[Path]:
        """All hypotheses; after the end, the best first."""
        return map(self._path, self._decoder.get_all_final_hypothesis())

    def forget(self, count: int) -> int:
        """Forget so many of the first places, or fewer; returns how many.

        With them goes the score of the best path, from all scores.
        """
        before = self._places()
        self._decoder.prune(before - 1 - count)
        return before - self._places()

    @abstractmethod
    def labels(self, path: Path, begin: int, end: int) -> list[int]:
        """Those that the scores count in the places [begin, end)."""

    def after(self, context: Any, path: Path, begin: int, end: int) -> Any:
        """The scores' context after the places [begin, end)."""
        for label in self.labels(path, begin, end):
            context = self.scores.after(context, label)
        return context

    @abstractmethod
    def whole(self, path: Path, begin: int, end: int, context: Any) -> int:
        """The last place within [begin, end] before which a path has no part of a word.

        context: of the scores, at `begin`
        """

    @abstractmethod
    def future(self, path: Path, begin: int, context: Any) -> Hashable:
        """All that the further score of a path hangs on."""

    def _places(self) -> int:
        """How many are remembered."""
        return len(self._decoder.get_all_final_hypothesis()[0].tokens)

    def _path(self, result: Any) -> Path:
        tokens, words = result.tokens, result.words
        places = len(tokens) - self._places_after_end
        return Path(tokens[:places], words[:places], result.score, result.lmScore)


class Words:
    """A lexicon as flashlight's decoders of words have it: the tree of its spellings.

    flashlight knows the end of a word by the space after it. So each spelling has one at its end,
    and every utterance a frame that certainly is one.
    """

    def __init__(self, lexicon: Spellings, vocabulary: int, space: int, scores: Scores) -> None:
        self.space, self.vocabulary = space, vocabulary
        self.trie = Trie(vocabulary, space)
        # Each word is worth what it is as the first of a text: so the search looks ahead, and
        # takes that back where the word ends.
        start = scores.model.start(False)
        alike: dict[tuple[int, ...], list[tuple[float, int]]] = {}
        for label, spellings in enumerate(lexicon.values()):
            worth = scores.model.score(start, label)[1]
            for spelling in spellings:
                alike.setdefault((*spelling, space), []).append((worth, label))
        for spelling, words in alike.items():
            for worth, label in sorted(words, reverse=True)[:MOST_ALIKE]:
                self.trie.insert(list(spelling), label, worth)
        self.trie.smear(SmearingMode.MAX)
        self.ending = np.full((1, vocabulary), UNLIKELY, np.float32)
        self.ending[0, space] = 0.0


class WordSearch(Search):
    """Through a lexicon's words, with the token that is a space between them; labels are words.

    Spaces may stand anywhere between words, and a text is as probable as all of its alignments,
    those with two spaces too.
    """

    def __init__(self, words: Words, limits: Limits, scores: Scores, *, log_add: bool) -> None:
        self._lexicon = words
        options = LexiconDecoderOptions(
            beam_size=limits.beam,
            beam_size_token=min(limits.top_k, words.vocabulary),
            beam_threshold=limits.beam_threshold,
            lm_weight=scores.lm_weight,
            word_score=scores.word_score,
            unk_score=-math.inf,
            sil_score=0.0,
            log_add=log_add,
            criterion_type=CriterionType.CTC,
        )
        no_unknown, by_word = -1, False
        decoder = LexiconDecoder(
            options, words.trie, scores.model, words.space, BLANK, no_unknown, [], by_word
        )
        super().__init__(decoder, scores)

    def end(self) -> None:
        self.hear(self._lexicon.ending)
        self._places_after_end += 1
        super().end()

    def labels(self, path: Path, begin: int, end: int) -> list[int]:
        return [word for word in path.words[begin:end] if word >= 0]

    def whole(self, path: Path, begin: int, end: int, context: Any) -> int:
        ends = (i + 1 for i in range(end - 1, begin - 1, -1) if path.words[i] >= 0)
        found = next(ends, begin)
        while found < end and path.tokens[found] in (BLANK, self._lexicon.space):
            found += 1
        return found

    def future(self, path: Path, begin: int, context: Any) -> Hashable:
        places = len(path.tokens)
        ended = next((i + 1 for i in range(places - 1, 0, -1) if path.words[i] >= 0), begin)
        future = self.scores.future(self.after(context, path, begin, places))
        return future, tuple(path.emitted(max(begin, ended))), path.tokens[-1]

    def _path(self, result: Any) -> Path:
        path = super()._path(result)
        if self._places_after_end and result.words[len(path.tokens)] >= 0:
            # The word that ended in the space after the last frame.
            path.words[-1] = result.words[len(path.tokens)]
        return path


class TokenSearch(Search):
    """Through all tokens, which are the labels."""

    def __init__(self, vocabulary: int, limits: Limits, scores: Scores, *, log_add: bool) -> None:
        # The most probable ones, and the blank.
        super().__init__(
            _token_decoder(limits, scores, min(limits.top_k + 1, vocabulary), log_add=log_add),
            scores,
        )

    def labels(self, path: Path, begin: int, end: int) -> list[int]:
        return path.emitted(begin, end)

    def whole(self, path: Path, begin: int, end: int, context: Any) -> int:
        found, is_whole = begin, True
        for place in range(begin, end):
            token = path.tokens[place]
            if token not in (BLANK, path.tokens[place - 1]):
                context = self.scores.after(context, token)
                is_whole = self.scores.may_end(context)
            if is_whole:
                found = place + 1
        return found

    def future(self, path: Path, begin: int, context: Any) -> Hashable:
        after = self.after(context, path, begin, len(path.tokens))
        return self.scores.future(after), path.tokens[-1]


class ColumnSearch(TokenSearch):
    """The same where flashlight asks for scores: each frame has columns for its own tokens only."""

    scores: AskedScores

    def __init__(
        self, vocabulary: int, limits: Limits, scores: AskedScores, *, log_add: bool
    ) -> None:
        Search.__init__(self, _token_decoder(limits, scores, vocabulary, log_add=log_add), scores)
        self._columns, self._tokens = Columns(), [[BLANK]]

    def hear(self, log_probs: Matrix) -> None:
        for frame in log_probs:
            tokens = self._columns.of(np.flatnonzero(frame > UNLIKELY / 2).tolist())
            values = frame[tokens]
            values[np.equal(tokens, NOBODY)] = -np.inf
            self.scores.columns = tokens
            self._tokens.append(tokens)
            super().hear(values[None])

    def forget(self, count: int) -> int:
        forgotten = super().forget(count)
        del self._tokens[:forgotten]
        return forgotten

    def _path(self, result: Any) -> Path:
        path = super()._path(result)
        pairs = zip(path.tokens, self._tokens, strict=True)
        tokens = [columns[column] for column, columns in pairs]
        return Path(tokens, path.words, path.score, path.log10)


def _token_decoder(
    limits: Limits, scores: Scores, tokens: int, *, log_add: bool
) -> LexiconFreeDecoder:
    """A decoder that looks at so many tokens of a frame."""
    options = LexiconFreeDecoderOptions(
        beam_size=limits.beam,
        beam_size_token=tokens,
        beam_threshold=limits.beam_threshold,
        lm_weight=scores.lm_weight,
        sil_score=0.0,
        log_add=log_add,
        criterion_type=CriterionType.CTC,
    )
    no_silence = BLANK
    return LexiconFreeDecoder(options, scores.model, no_silence, BLANK, [])
