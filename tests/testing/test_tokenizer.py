"""TokenizerContract passes a tokenizer that keeps its promises, and fails one that breaks any."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import pytest

from ds2kit.components import Tokenizer
from ds2kit.errors import UserError
from ds2kit.testing import TokenizerContract

TEXTS = ("the cats sat", "a  hat", "noon is a tassel")


class Healthy(Tokenizer):
    """Letters."""

    def __init__(self, letters: Iterable[str]) -> None:
        self.tokens = ("", *letters)

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Self:
        return cls(sorted({letter for text in texts for letter in text} | {" "}))

    def normalise(self, text: str) -> str:
        return " ".join(text.split())

    def foreign(self, text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(s for s in self.normalise(text) if s not in self.tokens))

    def encode(self, text: str) -> list[int]:
        if foreign := self.foreign(text):
            raise UserError(f"{text!r} has {foreign[0]!r}, which no transcript had; correct it")
        return [self.tokens.index(letter) for letter in self.normalise(text)]

    def to_json(self) -> Mapping[str, Any]:
        return {"letters": list(self.tokens[1:])}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        return cls(state["letters"])


class TestHealthy(TokenizerContract):
    @pytest.fixture
    def texts(self) -> Sequence[str]:
        return TEXTS

    @pytest.fixture
    def tokenizer(self, texts: Sequence[str]) -> Healthy:
        return Healthy.learn(texts)


class MergesRepeats(Healthy):
    """Loses the second of two equal letters."""

    def encode(self, text: str) -> list[int]:
        ids = super().encode(text)
        return [i for n, i in enumerate(ids) if n == 0 or ids[n - 1] != i]


def test_losing_a_character_fails() -> None:
    tokenizer = MergesRepeats.learn(TEXTS)
    with pytest.raises(AssertionError, match="'non is a tasel' of 'noon is a tassel'"):
        TokenizerContract().test_transcripts_come_back(tokenizer, TEXTS)


def test_losing_a_character_of_a_drawn_text_fails() -> None:
    texts = ("abc", "cab")
    tokenizer = MergesRepeats.learn(texts)
    TokenizerContract().test_transcripts_come_back(tokenizer, texts)
    with pytest.raises(AssertionError, match="a tokenizer loses or adds nothing"):
        TokenizerContract().test_any_text_comes_back(tokenizer=tokenizer, texts=texts)


class DropsForeign(Healthy):
    def encode(self, text: str) -> list[int]:
        return [self.tokens.index(s) for s in self.normalise(text) if s in self.tokens]


class DropsForeignWhenNormalising(Healthy):
    def normalise(self, text: str) -> str:
        return super().normalise("".join(s for s in text if s in self.tokens))


class NamesNothing(Healthy):
    def encode(self, text: str) -> list[int]:
        if self.foreign(text):
            raise UserError("a transcript has a foreign symbol")
        return super().encode(text)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (DropsForeign, "raise UserError that names it; never drop a symbol"),
        (DropsForeignWhenNormalising, "normalise dropped 'ж'"),
        (NamesNothing, "without naming 'ж'"),
    ],
)
def test_dropping_foreign_letters_fails(kind: type[Healthy], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        TokenizerContract().test_foreign_letters_are_named(kind.learn(TEXTS), TEXTS)


class UsesTheBlank(Healthy):
    def encode(self, text: str) -> list[int]:
        return [i - 1 for i in super().encode(text)]

    def decode(self, ids: Sequence[int]) -> str:
        return super().decode([i + 1 for i in ids])


def test_encoding_to_the_blank_fails() -> None:
    with pytest.raises(AssertionError, match="gave id 0; ids go from 1"):
        TokenizerContract().test_transcripts_come_back(UsesTheBlank.learn(TEXTS), TEXTS)


class BlankLast(Healthy):
    def __init__(self, letters: Iterable[str]) -> None:
        self.tokens = (*letters, "")


def test_a_blank_elsewhere_fails() -> None:
    with pytest.raises(AssertionError, match="it is the blank, whose text is empty"):
        TokenizerContract().test_blank_is_the_first_token(BlankLast.learn(TEXTS))


class ForgetsItsCase(Healthy):
    """Learned lower case, and forgets that when saved."""

    lowercase = False

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Self:
        tokenizer = super().learn(texts)
        tokenizer.lowercase = True
        return tokenizer

    def normalise(self, text: str) -> str:
        return super().normalise(text.lower() if self.lowercase else text)


def test_forgetting_an_option_when_saved_fails() -> None:
    with pytest.raises(AssertionError, match="to_json forgot an option"):
        TokenizerContract().test_saving_and_loading(ForgetsItsCase.learn(TEXTS), TEXTS)


class Quotes(Healthy):
    """Normalising again quotes again."""

    def normalise(self, text: str) -> str:
        return super().normalise(f"<{text}>")


def test_normalising_that_goes_on_fails() -> None:
    with pytest.raises(AssertionError, match="normalise made"):
        TokenizerContract().test_normalising_twice_changes_nothing(tokenizer=Quotes.learn(TEXTS))


_CALLS = itertools.count()


class LearnsAnOrder(Healthy):
    """Learns another order each time, as iterating over a set may give it."""

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Self:
        letters = Healthy.learn(texts).tokens[1:]
        turn = next(_CALLS) % len(letters)
        return cls([*letters[turn:], *letters[:turn]])


def test_learning_that_differs_fails() -> None:
    with pytest.raises(AssertionError, match="break ties by the symbols themselves"):
        TokenizerContract().test_learning_twice_gives_the_same(LearnsAnOrder.learn, TEXTS)
