"""The contracts of every tokenizer, and what is particular to Mandarin."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import pytest
from ds2kit_mandarin import plugin
from ds2kit_mandarin.tokenizer import Mandarin
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.components import Tokenizer
from ds2kit.errors import UserError
from ds2kit.testing import TokenizerContract

TEXTS = (
    "今天是2008年8月8日，星期五。",
    "我 love machine  learning，don't you？",
    "ＧＤＰ增长 25%",
    "一个",
)


class TestMandarin(TokenizerContract):
    @pytest.fixture
    def texts(self) -> Sequence[str]:
        return TEXTS

    @pytest.fixture
    def tokenizer(self, texts: Sequence[str]) -> Mandarin:
        return Mandarin.learn(texts)


class TestEveryOption(TestMandarin):
    @pytest.fixture
    def texts(self) -> Sequence[str]:
        return ["這裡有3個人，頭髮", "乾坤 OK, 瞭解", "1/2"]

    @pytest.fixture
    def learn(self) -> Callable[[Iterable[str]], Tokenizer]:
        return partial(Mandarin.learn, simplified=True, punctuation=True, lowercase=True)

    @pytest.fixture
    def tokenizer(
        self, texts: Sequence[str], learn: Callable[[Iterable[str]], Tokenizer]
    ) -> Tokenizer:
        return learn(texts)


class TestAsWritten(TestMandarin):
    @pytest.fixture
    def tokenizer(self, texts: Sequence[str]) -> Mandarin:
        return Mandarin.learn(texts, spoken=False)


def test_tokens_are_the_characters_of_the_normalised_texts() -> None:
    tokenizer = Mandarin.learn(["有2人", "OK ok"])
    assert tokenizer.tokens == ("", *" KOko两人有")


def test_space_is_a_token_only_between_roman_words() -> None:
    assert " " not in Mandarin.learn(["今 天", "我 love 你"]).tokens


def test_a_space_that_was_heard_beside_a_hanzi_is_taken_out() -> None:
    tokenizer = Mandarin.learn(["我 a b"])
    a, space, b, me = (tokenizer.tokens.index(token) for token in "a b我")
    assert tokenizer.decode([space, me, space, a, space, space, b, space]) == "我a b"


def test_foreign_digits_are_named_as_they_are_read() -> None:
    tokenizer = Mandarin.learn(["今天"])
    assert tokenizer.foreign("今天2点") == ("二", "点")
    with pytest.raises(UserError, match=r"mandarin: '今天2点' holds '二' \(U\+4E8C\), '点'"):
        tokenizer.encode("今天2点")


@settings(deadline=None)
@given(st.lists(st.text("0123456789年月 %.，。a B我你", max_size=15), min_size=1))
def test_every_transcript_comes_back(texts: list[str]) -> None:
    try:
        tokenizer = Mandarin.learn(texts)
    except UserError:
        assert not any(Mandarin.learn(["一"]).normalise(text) for text in texts)
        return
    for text in texts:
        assert tokenizer.decode(tokenizer.encode(text)) == tokenizer.normalise(text)


@pytest.mark.parametrize("texts", [[], ["", "  "], ["，。"]])
def test_refuses_to_learn_from_nothing(texts: list[str]) -> None:
    with pytest.raises(UserError, match="mandarin: found no symbol in the transcripts"):
        Mandarin.learn(texts)


def test_options_are_saved() -> None:
    saved = Mandarin.learn(["一"], simplified=True, lowercase=True).to_json()
    assert saved == {
        "tokenizer": "mandarin",
        "spoken": True,
        "simplified": True,
        "punctuation": False,
        "lowercase": True,
        "symbols": ["一"],
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokenizer": "char"}, "'tokenizer' is 'char'; expected 'mandarin'"),
        ({"spoken": 1}, "'spoken' is 1; expected true or false"),
        ({"simplified": None}, "'simplified' is None; expected true or false"),
        ({"digits": True}, "unknown key 'digits'"),
        ({"symbols": "一二"}, "no list of characters"),
        ({"symbols": []}, "no list of characters"),
        ({"symbols": ["一二"]}, "expected single characters"),
        ({"symbols": ["一", "一"]}, "holds one twice"),
    ],
)
def test_refuses_a_damaged_saved_form(change: dict[str, object], message: str) -> None:
    saved = {**Mandarin.learn(["一二"]).to_json(), **change}
    with pytest.raises(UserError, match=message) as refused:
        Mandarin.from_json(saved)
    assert "\n" not in str(refused.value)


def test_refuses_what_is_no_mapping() -> None:
    with pytest.raises(UserError, match="'tokenizer' is 'list'"):
        Mandarin.from_json(["一"])  # type: ignore[arg-type]


def test_transcribing_loads_no_library_of_text() -> None:
    saved = json.dumps(dict(Mandarin.learn(["一 a b 2", "裡"], simplified=True).to_json()))
    code = (
        "import json, sys; from ds2kit_mandarin.tokenizer import Mandarin; "
        f"tokenizer = Mandarin.from_json(json.loads({saved!r})); tokenizer.decode([1, 2]); "
        "print([name for name in ('wetext', 'opencc', 'kaldifst') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_registers_what_it_brings() -> None:
    [(kind, name, path)] = plugin.ds2kit_components()
    module, _, attribute = path.partition(":")
    assert (kind, name) == ("tokenizer", "mandarin")
    assert getattr(importlib.import_module(module), attribute) is Mandarin
