"""Words with times and confidence, from a path through the frames."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

from ds2kit.components import Tokenizer
from ds2kit.text.scripts import is_mark, last_letter, unspaced
from ds2kit.types import Hypothesis, Word


@dataclass(frozen=True)
class TimedWord:
    """A word in seconds from the start of the recording."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """What was said in a recording of so many seconds. `print` shows the text.

    words: with times in seconds and the model's confidence, in [0, 1]
    score: natural logarithm, the decoder's
    """

    text: str
    seconds: float
    words: tuple[TimedWord, ...]
    score: float

    @classmethod
    def of(cls, hypothesis: Hypothesis, frame_seconds: float, seconds: float) -> Transcript:
        """What a decoder heard, with times."""
        words = timed(hypothesis.words, frame_seconds, seconds)
        return cls(hypothesis.text, seconds, words, hypothesis.score)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Partial:
    """What has been heard of a stream so far. `print` shows the text.

    text:  as if nothing followed; a word at its end may be unfinished
    final: the beginning of it that nothing can change any more
    words: those after it, which may still change
    """

    text: str
    final: str
    words: tuple[TimedWord, ...]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Emission:
    """A token that was said in the frames [start, end), with the model's probability for it."""

    token: int
    start: int
    end: int
    probability: float


class _Spelling(NamedTuple):
    """What decides, of how a token is written, where words begin and end.

    pieces:   its text between spaces, and whether the last letter of each is `unspaced`; None
        where it has no letter
    space:    whether it begins with a space,
    joins:    or with nothing that begins a word: a mark, or nothing at all,
    unspaced: or with a letter that is
    inside:   how many spaces it has that are not at its ends
    """

    pieces: tuple[tuple[str, bool | None], ...]
    space: bool
    joins: bool
    unspaced: bool
    inside: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Of a token's text."""
        letters = [(piece, last_letter(piece)) for piece in text.split(" ")]
        pieces = tuple((piece, unspaced(letter) if letter else None) for piece, letter in letters)
        joins = not text or is_mark(text[0])
        inside = text.strip(" ").count(" ")
        return cls(pieces, text[:1] == " ", joins, bool(text) and unspaced(text[0]), inside)


class WordsSoFar:
    """The words of a path whose emissions come one after another.

    A word is a run without a space; a character of a script that is written without spaces
    (`unspaced`), with its marks, is one by itself, or the token is that holds several: when each
    of them was said, nobody knows. A word's confidence is the lowest of its tokens': it is wrong
    if one of its letters is.

    To look at a tokenizer's tokens takes longer than many an utterance: a decoder makes one of
    these, and each utterance begins with a copy.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._spellings = [_Spelling.of(text) for text in tokenizer.tokens]
        self._spaced = between_words(tokenizer) == " "
        self._marks = any(is_mark(text[0]) for text in tokenizer.tokens if text)
        # Of the word that has begun: what its tokens say, whether its last letter so far is
        # unspaced (None: it has none), and whether a space stands before it.
        self._parts: list[tuple[str, Emission]] = []
        self._unspaced: bool | None = None
        self._space_before = True
        # The last token that said something, and a space after it.
        self._last: tuple[int, ...] = ()

    def copy(self) -> WordsSoFar:
        """One that goes its own way from here."""
        other = copy.copy(self)
        other._parts = list(self._parts)
        return other

    def began(self, token: int) -> tuple[Word, ...]:
        """The word, if any, that is over where such a token begins, however long it lasts."""
        if not self._parts:
            return ()
        first = self._spellings[token]
        over = first.space or (
            self._unspaced is not None and not first.joins and (self._unspaced or first.unspaced)
        )
        return self.end() if over or (not self._spaced and self._has_space_before(token)) else ()

    def ended(self, emission: Emission) -> tuple[Word, ...]:
        """The words that are over with an emission that lasts no longer."""
        token = emission.token
        words, said = self.began(token), False
        for number, (piece, is_unspaced) in enumerate(self._spellings[token].pieces):
            if number > 0:
                words += self.end()
            if piece:
                if not self._parts:
                    self._space_before = said or self._has_space_before(token)
                self._parts.append((piece, emission))
                if is_unspaced is not None:
                    self._unspaced = is_unspaced
                said = True
        if said:
            self._last = (token,)
        elif len(self._last) == 1:
            self._last = (*self._last, token)
        # Only a mark can still join it.
        return words + self.end() if self._unspaced and not self._marks else words

    def end(self) -> tuple[Word, ...]:
        """The word, if any, that is over if nothing follows."""
        if not self._parts:
            return ()
        emissions = [emission for _, emission in self._parts]
        word = Word(
            text="".join([piece for piece, _ in self._parts]),
            start_frame=emissions[0].start,
            end_frame=emissions[-1].end,
            confidence=min(1.0, *[emission.probability for emission in emissions]),
            space_before=self._space_before,
        )
        self._parts, self._unspaced = [], None
        return (word,)

    def _has_space_before(self, token: int) -> bool:
        """Whether the text has a space before a token's: the tokenizer may write one where no
        token has it, as between syllables of pinyin, and none where one has, as beside hanzi.
        """
        if not self._last:
            return True
        written = self._tokenizer.decode((*self._last, token)).count(" ")
        return written > sum(self._spellings[i].inside for i in (self._last[0], token))


class Told:
    """The tokens and the words of a path, as far as it is certain.

    nothing: of its tokenizer, before anything was said
    """

    def __init__(self, nothing: WordsSoFar) -> None:
        self.tokens: list[int] = []
        self.words: list[Word] = []
        self._so_far = nothing.copy()

    def go_on(self, emissions: Iterable[Emission]) -> None:
        """These follow for certain."""
        for emission in emissions:
            self.tokens.append(emission.token)
            self.words += self._so_far.ended(emission)

    def whole(self, emissions: Iterable[Emission]) -> tuple[tuple[int, ...], tuple[Word, ...]]:
        """All tokens and words, if these follow, and nothing after them."""
        whole = Told(self._so_far)
        whole.tokens, whole.words = list(self.tokens), list(self.words)
        whole.go_on(emissions)
        return tuple(whole.tokens), (*whole.words, *whole._so_far.end())


def between_words(tokenizer: Tokenizer) -> str:
    """What stands between two words of a text: a space, or nothing where no token has one."""
    return " " if any(" " in token for token in tokenizer.tokens) else ""


def words_of(emissions: Iterable[Emission], tokenizer: Tokenizer) -> tuple[Word, ...]:
    """The words of a path, as `WordsSoFar` has them."""
    so_far = WordsSoFar(tokenizer)
    found = tuple(word for emission in emissions for word in so_far.ended(emission))
    return found + so_far.end()


def timed(
    words: Iterable[Word], frame_seconds: float, seconds: float = math.inf
) -> tuple[TimedWord, ...]:
    """Words with times to a tenth of a millisecond, within the recording's `seconds`.

    Its last output frame may reach beyond its end, by a stride.
    """
    return tuple(
        TimedWord(
            word.text,
            round(word.start_frame * frame_seconds, 4),
            round(min(word.end_frame * frame_seconds, seconds), 4),
            round(word.confidence, 4),
        )
        for word in words
    )


def cut(text: str, letters: int) -> tuple[str, str]:
    """A text in two: so many characters, where spaces do not count, and the rest."""
    ends = [0, *(end for end, character in enumerate(text, start=1) if character != " ")]
    end = ends[min(letters, len(ends) - 1)]
    return text[:end], text[end:]
