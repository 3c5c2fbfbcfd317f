"""Words with their frames and confidence, from tokens of any length and any script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.components import Tokenizer
from ds2kit.decoding.words import (
    Emission,
    Transcript,
    WordsSoFar,
    between_words,
    timed,
    words_of,
)
from ds2kit.types import Hypothesis, Word


class Pieces(Tokenizer):
    """Any tokens, joined as they are."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = ("", *tokens)

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Self:
        return cls(*sorted(set("".join(texts))))

    def normalise(self, text: str) -> str:
        return " ".join(text.split())

    def foreign(self, text: str) -> tuple[str, ...]:
        return ()

    def encode(self, text: str) -> list[int]:
        return [self.tokens.index(symbol) for symbol in text]

    def to_json(self) -> Mapping[str, Any]:
        return {}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        return cls()


def emissions(tokenizer: Pieces, *said: str) -> list[Emission]:
    """The tokens one after another, two frames each and a blank; each a little less sure."""
    return [
        Emission(tokenizer.tokens.index(token), 3 * i, 3 * i + 2, 0.9 - 0.1 * i)
        for i, token in enumerate(said)
    ]


def frames(words: Iterable[Word]) -> list[tuple[str, int, int]]:
    return [(word.text, word.start_frame, word.end_frame) for word in words]


def test_letters_make_words() -> None:
    letters = Pieces(" ", "a", "b")

    words = words_of(emissions(letters, "a", "b", " ", "b"), letters)

    assert frames(words) == [("ab", 0, 5), ("b", 9, 11)]
    assert [word.confidence for word in words] == pytest.approx([0.8, 0.6])


def test_spaces_at_the_ends_and_twice_make_no_words() -> None:
    letters = Pieces(" ", "a")

    words = words_of(emissions(letters, " ", "a", " ", " ", "a", " "), letters)

    assert frames(words) == [("a", 3, 5), ("a", 12, 14)]
    assert words_of(emissions(letters, " "), letters) == ()
    assert words_of([], letters) == ()


def test_a_space_may_stand_inside_a_token() -> None:
    """As sentencepiece has them: in front of a word's first piece, or between two words."""
    pieces = Pieces(" he", "llo", " w", "or", "ld ", "of the", " ")

    words = words_of(
        emissions(pieces, " he", "llo", " w", "or", "ld ", "of the", " ", "or"), pieces
    )

    assert frames(words) == [
        ("hello", 0, 5),
        ("world", 6, 14),
        ("of", 15, 17),
        ("the", 15, 17),
        ("or", 21, 23),
    ]


def test_in_a_script_without_spaces_each_token_is_a_word() -> None:
    hanzi = Pieces("今", "天", "天气")

    words = words_of(emissions(hanzi, "今", "天", "天气"), hanzi)

    assert frames(words) == [("今", 0, 2), ("天", 3, 5), ("天气", 6, 8)]
    assert [word.confidence for word in words] == pytest.approx([0.9, 0.8, 0.7])


def test_confidence_is_no_more_than_one() -> None:
    letters = Pieces("a")

    (word,) = words_of([Emission(1, 0, 1, 1.0 + 1e-7)], letters)

    assert word.confidence == 1.0


@given(said=st.lists(st.sampled_from([" ", "a", "b", " a", "a b", "ba "]), max_size=12))
def test_words_joined_are_the_text(said: list[str]) -> None:
    pieces = Pieces(" ", "a", "b", " a", "a b", "ba ")

    words = words_of(emissions(pieces, *said), pieces)

    assert [word.text for word in words] == "".join(said).split()
    assert all(word.start_frame < word.end_frame <= 3 * len(said) for word in words)


def test_times_are_seconds_within_the_recording() -> None:
    words = (Word("a", 0, 3, 0.123456), Word("b", 7, 10, 1.0))

    found = timed(words, 0.02, 0.19)

    assert [(word.text, word.start, word.end) for word in found] == [
        ("a", 0.0, 0.06),
        ("b", 0.14, 0.19),
    ]
    assert found[0].confidence == 0.1235


@given(said=st.lists(st.sampled_from([" ", "a", "b", " a", "a b", "ba "]), max_size=12))
def test_words_that_are_over_come_one_by_one(said: list[str]) -> None:
    """However long the last emission lasts, what came was right."""
    pieces = Pieces(" ", "a", "b", " a", "a b", "ba ")
    path = emissions(pieces, *said)
    so_far, came = WordsSoFar(pieces), []

    for number, emission in enumerate(path):
        came += so_far.began(emission.token)
        assert tuple(came) == words_of(path[:number], pieces)[: len(came)]
        came += so_far.ended(emission)
        if said[number].startswith(" "):
            assert len(came) >= len("".join(said[:number]).split())

    assert (*came, *so_far.end()) == words_of(path, pieces)


def test_what_stands_between_words() -> None:
    assert between_words(Pieces(" ", "a")) == " "
    assert between_words(Pieces(" he", "llo")) == " "
    assert between_words(Pieces("今", "天")) == ""


def test_a_transcript_is_its_text() -> None:
    heard = Hypothesis("a b", (1, 2, 3), -1.5, (Word("a", 0, 3, 0.5), Word("b", 7, 10, 1.0)))

    transcript = Transcript.of(heard, 0.02, 0.19)

    assert str(transcript) == "a b"
    assert transcript.words == timed(heard.words, 0.02, 0.19)
    assert (transcript.seconds, transcript.score) == (0.19, -1.5)
