"""The tokenizer of characters."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.errors import UserError
from ds2kit.testing import TokenizerContract
from ds2kit.text.char import Char

texts_of_any_script = st.lists(st.text(), min_size=1).filter(
    lambda texts: any(map(str.split, texts))
)


class TestChar(TokenizerContract):
    @pytest.fixture
    def texts(self) -> list[str]:
        return ["hello  there", "Cafe\u0301 q\u0303", "", " it's"]

    @pytest.fixture
    def tokenizer(self, texts: list[str]) -> Char:
        return Char.learn(texts)


class TestMandarinChar(TestChar):
    @pytest.fixture
    def texts(self) -> list[str]:
        return ["今天天气很好", "我们走吧"]


class TestLowerCaseChar(TestChar):
    @pytest.fixture
    def tokenizer(self, texts: list[str]) -> Char:
        return Char.learn(texts, lowercase=True)

    @pytest.fixture
    def learn(self) -> Callable[[Iterable[str]], Char]:
        return partial(Char.learn, lowercase=True)


@given(texts=texts_of_any_script, lowercase=st.booleans())
def test_decoding_gives_back_the_normalised_text(texts: list[str], lowercase: bool) -> None:
    char = Char.learn(texts, lowercase=lowercase)

    for text in texts:
        ids = char.encode(text)
        assert char.decode(ids) == char.normalise(text) == char.normalise(char.normalise(text))
        assert 0 not in ids
        assert not char.foreign(text)


@given(texts=texts_of_any_script, lowercase=st.booleans())
def test_saved_form_behaves_the_same(texts: list[str], lowercase: bool) -> None:
    char = Char.learn(texts, lowercase=lowercase)
    again = Char.from_json(json.loads(json.dumps(char.to_json())))

    assert again.tokens == char.tokens
    assert [again.encode(text) for text in texts] == [char.encode(text) for text in texts]


def test_inventory_is_sorted_with_the_blank_first() -> None:
    assert Char.learn(["hello you", "Ah"]).tokens == ("", " ", *"Aehlouy")
    assert Char.learn(["hello", "Ah"], lowercase=True).tokens == ("", *"aehlo")
    assert Char.learn(["你好", "好吗"]).tokens == ("", *sorted("你好吗"))


def test_no_symbol_is_changed_but_by_composition() -> None:
    char = Char.learn(["x² ﬁne Cafe\u0301"])

    assert char.normalise("x² ﬁne Cafe\u0301") == "x² ﬁne Caf\u00e9"
    assert char.decode(char.encode("Cafe\u0301")) == unicodedata.normalize("NFC", "Cafe\u0301")


def test_lower_case_is_composed_anew() -> None:
    # Unicode has this letter with its mark in lower case only.
    char = Char.learn(["J\u030c"], lowercase=True)

    assert char.tokens == ("", "\u01f0")
    assert char.decode(char.encode("J\u030c")) == "\u01f0"


def test_a_mark_without_a_composed_letter_is_a_symbol_of_its_own() -> None:
    assert Char.learn(["q\u0303"]).tokens == ("", "q", "\u0303")


def test_permuted_inventory_gives_the_same_text() -> None:
    char = Char(["b", " ", "a"])

    assert char.encode("a b") == [3, 2, 1]
    assert char.decode([3, 2, 1]) == "a b"


def test_spaces_that_ctc_repeats_are_one() -> None:
    assert Char([" ", "a"]).decode([1, 2, 1, 1, 2, 1]) == "a a"


def test_foreign_symbols_are_listed_once_in_order() -> None:
    assert Char.learn(["ab"]).foreign("zab xz b") == ("z", " ", "x")


def test_encoding_names_text_and_foreign_symbols() -> None:
    with pytest.raises(UserError, match=r"'naïve' holds 'n' \(U\+006E\), 'ï' \(U\+00EF\), 'v'"):
        Char.learn(["a e i"]).encode("nai\u0308ve")


def test_a_long_text_is_named_by_its_beginning() -> None:
    with pytest.raises(UserError) as raised:
        Char.learn(["a"]).encode("a" * 1000 + "z")

    assert len(str(raised.value)) < 300


def test_transcripts_without_a_symbol_are_refused() -> None:
    with pytest.raises(UserError, match="no symbol in the transcripts"):
        Char.learn(["", " \t"])


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ([], "'tokenizer' is 'list'"),
        ({}, "'tokenizer' is None"),
        ({"tokenizer": "bigram", "symbols": ["a"]}, "'tokenizer' is 'bigram'; expected 'char'"),
        ({"symbols": "ab"}, "'symbols' is no list of strings"),
        ({"symbols": ["a", 1]}, "'symbols' is no list of strings"),
        ({"symbols": []}, "it has no symbols"),
        ({"symbols": ["a", "b", "a"]}, "a symbol stands in it twice"),
        ({"symbols": ["a", ""]}, "'' is no normalised symbol"),
        ({"symbols": ["ab"]}, "'ab' is no normalised symbol"),
        ({"symbols": ["\t"]}, r"'\\t' is no normalised symbol"),
        ({"symbols": ["\u212b"]}, "is no normalised symbol"),
        ({"symbols": ["A"], "lowercase": True}, "'A' is no normalised symbol"),
        ({"lowercase": "no"}, "'lowercase' is 'no'"),
        ({"strange": 1}, "unknown key 'strange'"),
    ],
)
def test_a_damaged_or_foreign_json_is_refused(state: Any, problem: str) -> None:
    whole = {"tokenizer": "char", "lowercase": False, "symbols": ["a"]}
    with pytest.raises(UserError, match=problem):
        Char.from_json({**whole, **state} if state else state)
