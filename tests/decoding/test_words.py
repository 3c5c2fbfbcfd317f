"""Words with their frames and confidence, from tokens of any length and any script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.components import Tokenizer
from ds2kit.decoding.words import (
    Emission,
    Told,
    Transcript,
    WordsSoFar,
    between_words,
    cut,
    timed,
    words_of,
)
from ds2kit.text.scripts import is_mark, unspaced
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


def parted(letter: str, following: str) -> bool:
    """Whether a word is over where a letter is followed by a character, without a space."""
    tokenizer = Pieces(" ", letter, following)
    words = WordsSoFar(tokenizer)
    # At once where nothing could go on with it.
    ended = words.ended(*emissions(tokenizer, letter))
    return bool(ended or words.began(tokenizer.tokens.index(following)))


@pytest.mark.parametrize(
    ("letter", "following", "are"),
    [
        ("a", "b", False),
        ("今", "天", True),
        ("a", "天", True),
        ("今", "b", True),
        ("한", "글", False),
        ("ก", "ั", False),  # a vowel above the consonant
        ("葛", "\U000e0100", False),  # a variant of the hanzi before it
    ],
)
def test_words_that_no_space_parts(letter: str, following: str, are: bool) -> None:
    assert parted(letter, following) == are


@given(
    letter=st.characters(exclude_characters=" ").filter(lambda letter: not is_mark(letter)),
    following=st.characters(exclude_characters=" "),
)
def test_any_two_characters(letter: str, following: str) -> None:
    assert parted(letter, following) == (
        (unspaced(letter) or unspaced(following)) and not is_mark(following)
    )


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


@pytest.mark.parametrize("space", [(), (" ",)])
def test_mandarin_with_latin_words(space: tuple[str, ...]) -> None:
    """Each hanzi is a word, and so is a run of letters, with a space among the tokens or not."""
    mixed = Pieces(*space, "我", "爱", "p", "y", "3")

    words = words_of(emissions(mixed, "我", "爱", "p", "y", "3", "爱"), mixed)

    assert frames(words) == [("我", 0, 2), ("爱", 3, 5), ("py3", 6, 14), ("爱", 15, 17)]
    assert [word.confidence for word in words] == pytest.approx([0.9, 0.8, 0.5, 0.4])


def test_spaces_beside_hanzi_are_told_of() -> None:
    mixed = Pieces(" ", "我", "爱", "p", "y")

    words = words_of(emissions(mixed, "我", "爱", " ", "p", "y", " ", "p", "爱"), mixed)

    assert [word.text for word in words] == ["我", "爱", "py", "p", "爱"]
    assert [word.space_before for word in words[1:]] == [False, True, True, False]


def test_korean_has_spaces() -> None:
    hangul = Pieces(" ", "한", "국", "어")

    words = words_of(emissions(hangul, "한", "국", "어", " ", "한"), hangul)

    assert frames(words) == [("한국어", 0, 8), ("한", 12, 14)]


def test_words_in_letters_need_no_space_token() -> None:
    """Transcripts of one word each have no space."""
    letters = Pieces("n", "o", "e")

    assert frames(words_of(emissions(letters, "n", "o", "n", "e"), letters)) == [("none", 0, 11)]


def test_a_mark_belongs_to_its_letter() -> None:
    thai = Pieces("ก", "ั", "น")
    so_far = WordsSoFar(thai)
    said = emissions(thai, "ก", "ั", "น")

    assert so_far.ended(said[0]) == ()  # a mark may follow
    assert so_far.ended(said[1]) == ()
    assert frames(so_far.began(said[2].token)) == [("กั", 0, 5)]
    assert frames(words_of(said, thai)) == [("กั", 0, 5), ("น", 6, 8)]


def test_a_hanzi_is_over_when_its_emission_is() -> None:
    hanzi = Pieces("今", " ", "a")
    so_far = WordsSoFar(hanzi)

    assert frames(so_far.ended(Emission(1, 0, 2, 0.9))) == [("今", 0, 2)]
    assert so_far.ended(Emission(3, 3, 4, 0.9)) == ()
    assert frames(so_far.began(1)) == [("a", 3, 4)]


class Syllables(Pieces):
    """Tokens that are written with spaces between them, though none has one."""

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(self.tokens[i] for i in ids)


class Folding(Pieces):
    """Spaces beside hanzi are taken out of texts, as the plugin for Mandarin does."""

    def decode(self, ids: Sequence[int]) -> str:
        text = super().decode(ids)
        return text.replace("今 ", "今").replace(" 今", "今")


def test_spaces_that_the_tokenizer_takes_out_of_texts() -> None:
    mixed = Folding(" ", "今", "a")

    words = words_of(emissions(mixed, "今", " ", "今", " ", "a", " ", "a"), mixed)

    assert [word.text for word in words] == ["今", "今", "a", "a"]
    assert [word.space_before for word in words[1:]] == [False, False, True]


def test_spaces_that_the_tokenizer_writes_between_tokens() -> None:
    pinyin = Syllables("ni3", "hao3")

    words = words_of(emissions(pinyin, "ni3", "hao3"), pinyin)

    assert frames(words) == [("ni3", 0, 2), ("hao3", 3, 5)]
    assert [word.space_before for word in words] == [True, True]


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


MIXED = (" ", "a", "今", "\u0301", " a", "a今", "今天", "b 今", "한")


@given(said=st.lists(st.sampled_from(MIXED), max_size=12))
def test_words_with_their_spaces_are_the_text(said: list[str]) -> None:
    pieces = Pieces(*MIXED)

    words = words_of(emissions(pieces, *said), pieces)

    text = "".join(" " * word.space_before + word.text for word in words)
    assert text.strip() == " ".join("".join(said).split())


@pytest.mark.parametrize("tokens", [(" ", "a", "b", " a", "a b", "ba "), MIXED])
@given(data=st.data())
def test_words_that_are_over_come_one_by_one(tokens: tuple[str, ...], data: st.DataObject) -> None:
    """However long the last emission lasts, what came was right."""
    said = data.draw(st.lists(st.sampled_from(tokens), max_size=12))
    pieces = Pieces(*tokens)
    path = emissions(pieces, *said)
    so_far, came = WordsSoFar(pieces), []

    for number, emission in enumerate(path):
        came += so_far.began(emission.token)
        assert tuple(came) == words_of(path[:number], pieces)[: len(came)]
        came += so_far.ended(emission)
        if said[number].startswith(" "):
            assert len(came) >= len("".join(said[:number]).split())

    assert (*came, *so_far.end()) == words_of(path, pieces)


@given(data=st.data())
def test_what_is_certain_and_what_follows(data: st.DataObject) -> None:
    """Told of a path in pieces, with a look ahead at each: the path as told at once."""
    pieces = Pieces(*MIXED)
    path = emissions(pieces, *data.draw(st.lists(st.sampled_from(MIXED), max_size=12)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(path)), max_size=3)))
    told = Told(WordsSoFar(pieces))

    for begin, end in pairwise([0, *cuts, len(path)]):
        tokens, words = told.whole(path[begin:])
        assert tokens == tuple(emission.token for emission in path)
        assert words == words_of(path, pieces)
        told.go_on(path[begin:end])

    assert told.whole([]) == (tokens, words)
    assert told.words == list(words)[: len(told.words)]


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


@pytest.mark.parametrize(
    ("letters", "beginning"),
    [(0, ""), (1, "a"), (2, "a b"), (3, "a b 今"), (4, "a b 今"), (9, "a b 今")],
)
def test_a_text_is_cut_after_so_many_letters(letters: int, beginning: str) -> None:
    assert cut("a b 今", letters) == (beginning, "a b 今"[len(beginning) :])
