"""The contracts of every tokenizer, and what is particular to bigrams."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import pytest
from ds2kit_bigram import plugin
from ds2kit_bigram.tokenizer import Bigram
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.errors import UserError
from ds2kit.testing import TokenizerContract

TEXTS = ("the cats sat", "the  hat's on", "noon at the tassel", "a")


class TestBigram(TokenizerContract):
    @pytest.fixture
    def texts(self) -> Sequence[str]:
        return TEXTS

    @pytest.fixture
    def tokenizer(self, texts: Sequence[str]) -> Bigram:
        return Bigram.learn(texts)


class TestFewPairs(TestBigram):
    @pytest.fixture
    def tokenizer(self, texts: Sequence[str]) -> Bigram:
        return Bigram.learn(texts, pairs=2)


class TestMandarin(TestBigram):
    @pytest.fixture
    def texts(self) -> Sequence[str]:
        return ["今天天气很好", "我们走吧", "Cafe\u0301 İstanbul"]

    @pytest.fixture
    def tokenizer(self, texts: Sequence[str]) -> Bigram:
        return Bigram.learn(texts, lowercase=True)


def spelled(tokenizer: Bigram, text: str) -> str:
    """The tokens of a text, `_` for the space."""
    return " ".join(tokenizer.tokens[i].replace(" ", "_") for i in tokenizer.encode(text))


def test_cuts_words_as_the_paper_does() -> None:
    assert spelled(Bigram.learn(["the cats sat"]), "the cats sat") == "th e _ ca ts _ sa t"


def test_learns_the_most_frequent_pairs() -> None:
    tokenizer = Bigram.learn(["abab cd cd", "ab efcd", "efgh"], pairs=3)
    # ab 3, cd 3, ef 2, gh 1; equally frequent ones by code point, whatever came first.
    assert tokenizer.pairs == ("ab", "cd", "ef")
    assert tokenizer.symbols == tuple(" abcdefgh")
    assert Bigram.learn(["efgh", "ab efcd", "abab cd cd"], pairs=3).tokens == tokenizer.tokens


def test_other_pairs_are_single_characters_and_do_not_shift_the_rest() -> None:
    tokenizer = Bigram.learn(["abcd cd"], pairs=1)
    assert spelled(tokenizer, "abcd cda") == "a b cd _ cd a"


def test_pairs_never_hold_a_space() -> None:
    assert not [pair for pair in Bigram.learn(TEXTS).pairs if " " in pair]


def test_without_pairs_it_spells() -> None:
    assert spelled(Bigram.learn(TEXTS, pairs=0), "cats") == "c a t s"


@given(st.lists(st.text(), min_size=1), st.integers(0, 20), st.booleans())
def test_every_text_of_known_symbols_comes_back(
    texts: list[str], pairs: int, lowercase: bool
) -> None:
    if not any(map(str.split, texts)):
        return
    tokenizer = Bigram.learn(texts, pairs=pairs, lowercase=lowercase)
    assert len(tokenizer.pairs) <= pairs
    for text in texts:
        assert tokenizer.decode(tokenizer.encode(text)) == tokenizer.normalise(text)


@given(st.lists(st.sampled_from(TEXTS), min_size=1))
def test_pairs_halve_the_labels(texts: list[str]) -> None:
    tokenizer = Bigram.learn(TEXTS)
    words = " ".join(texts).split()
    labels = sum((len(word) + 1) // 2 for word in words) + len(words) - 1
    assert len(tokenizer.encode(" ".join(texts))) == labels


def test_two_spaces_with_a_blank_between_are_one() -> None:
    tokenizer = Bigram.learn(["a b"])
    a, space, b = (tokenizer.tokens.index(token) for token in "a b")
    assert tokenizer.decode([space, a, space, space, b]) == "a b"


@pytest.mark.parametrize("texts", [[], ["", "  "]])
def test_refuses_to_learn_from_nothing(texts: list[str]) -> None:
    with pytest.raises(UserError, match="found no symbol in the transcripts"):
        Bigram.learn(texts)


def test_refuses_a_negative_number_of_pairs() -> None:
    with pytest.raises(UserError, match="pairs is -1; it takes 0 or more"):
        Bigram.learn(["ab"], pairs=-1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokenizer": "char"}, "expected 'bigram'"),
        ({"lowercase": 1}, "expected true or false"),
        ({"symbols": "ab"}, "expected a list"),
        ({"pairs": ["abc"]}, "expected strings of 2"),
        ({"pairs": ["ab", "ab"]}, "holds one twice"),
        ({"pairs": ["az"]}, "'az' is of symbols that it does not have"),
    ],
)
def test_refuses_a_damaged_saved_form(change: dict[str, object], message: str) -> None:
    saved = {**Bigram.learn(["abba"]).to_json(), **change}
    with pytest.raises(UserError, match=message):
        Bigram.from_json(saved)


def test_registers_what_it_brings() -> None:
    [(kind, name, path)] = plugin.ds2kit_components()
    module, _, attribute = path.partition(":")
    assert (kind, name) == ("tokenizer", "bigram")
    assert getattr(importlib.import_module(module), attribute) is Bigram
