"""The contracts of every tokenizer, and what is particular to SentencePiece."""

from __future__ import annotations

import base64
import hashlib
import importlib
import io
import pickle
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import get_args

import pytest
from ds2kit_sentencepiece import plugin
from ds2kit_sentencepiece.tokenizer import SentencePiece
from ds2kit_sentencepiece.training import ModelType
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceTrainer

from ds2kit.components import Tokenizer
from ds2kit.errors import UserError
from ds2kit.testing import TokenizerContract

UNTOLD = SentencePiece.learn(["ab"], vocabulary=3)
"""A tokenizer without options: all normalise as it does."""

TEXTS = ("the cats sat", "the  hat's on", "noon at the tassel", "on the mat", "a")


class TestUnigram(TokenizerContract):
    @pytest.fixture
    def texts(self) -> Sequence[str]:
        return TEXTS

    @pytest.fixture
    def learn(self) -> Callable[[Iterable[str]], Tokenizer]:
        return partial(SentencePiece.learn, vocabulary=15)

    @pytest.fixture
    def tokenizer(
        self, texts: Sequence[str], learn: Callable[[Iterable[str]], Tokenizer]
    ) -> Tokenizer:
        return learn(texts)


class TestBytePairs(TestUnigram):
    @pytest.fixture
    def learn(self) -> Callable[[Iterable[str]], Tokenizer]:
        return partial(SentencePiece.learn, vocabulary=20, model="bpe")


class TestMandarin(TestUnigram):
    @pytest.fixture
    def texts(self) -> Sequence[str]:
        return ["今天天气很好", "天气好我们走吧", "好天气"]

    @pytest.fixture
    def learn(self) -> Callable[[Iterable[str]], Tokenizer]:
        return partial(SentencePiece.learn, vocabulary=11)


class TestLowercase(TestUnigram):
    @pytest.fixture
    def texts(self) -> Sequence[str]:
        return ["Cafe\u0301 İstanbul", "Ⅸ ß ﬁ"]

    @pytest.fixture
    def learn(self) -> Callable[[Iterable[str]], Tokenizer]:
        return partial(SentencePiece.learn, vocabulary=24, model="bpe", lowercase=True)


def test_a_space_begins_the_piece_of_a_word() -> None:
    tokenizer = SentencePiece.learn(["ab ab", "ab cd"] * 9, vocabulary=8, model="bpe")
    assert [tokenizer.tokens[i] for i in tokenizer.encode("ab ab")] == [" ab", " ab"]
    assert tokenizer.decode(tokenizer.encode("ab ab")) == "ab ab"


def test_spaces_that_were_heard_twice_are_one() -> None:
    tokenizer = SentencePiece.learn(["ab ab", "ab cd"] * 9, vocabulary=8, model="bpe")
    space, word = tokenizer.tokens.index(" "), tokenizer.tokens.index(" ab")
    assert tokenizer.decode([space, word, space, word, space]) == "ab ab"


def test_vocabulary_counts_the_blank() -> None:
    tokenizer = SentencePiece.learn(TEXTS, vocabulary=15)
    assert tokenizer.size == 15
    assert tokenizer.tokens[0] == ""
    assert len(set(tokenizer.tokens)) == 15


def test_the_sign_of_a_space_is_foreign() -> None:
    tokenizer = SentencePiece.learn(TEXTS, vocabulary=15)
    assert tokenizer.foreign("the▁cats") == ("▁",)
    with pytest.raises(UserError, match=r"holds '▁' \(U\+2581\), not among the 12 symbols"):
        tokenizer.encode("the▁cats")


def test_a_space_is_foreign_where_no_transcript_had_one() -> None:
    tokenizer = SentencePiece.learn(["今天天气", "天气好"] * 5, vocabulary=7)
    assert tokenizer.foreign("今天 好") == (" ",)


@settings(deadline=None)
@given(
    st.lists(st.text("ab c今é'①ﬁ\u0301", max_size=12)),
    st.sampled_from(get_args(ModelType)),
)
def test_every_transcript_comes_back(texts: list[str], model: ModelType) -> None:
    texts = ["ab c今é'①ﬁ b\u0301", *texts]
    symbols = {symbol for text in texts for symbol in UNTOLD.normalise(text)}
    tokenizer = SentencePiece.learn(texts, vocabulary=len(symbols) + 1, model=model)
    for text in texts:
        assert tokenizer.foreign(text) == ()
        assert tokenizer.decode(tokenizer.encode(text)) == tokenizer.normalise(text)


def test_workers_get_the_same() -> None:
    tokenizer = SentencePiece.learn(TEXTS, vocabulary=15)
    copied = pickle.loads(pickle.dumps(tokenizer))
    assert copied.encode("the cats") == tokenizer.encode("the cats")


@pytest.mark.parametrize("texts", [[], ["", "  "]])
def test_refuses_to_learn_from_nothing(texts: list[str]) -> None:
    with pytest.raises(UserError, match="sentencepiece: found no symbol in the transcripts"):
        SentencePiece.learn(texts)


@pytest.mark.parametrize("vocabulary", [1, 0, -5])
def test_refuses_a_vocabulary_without_a_token(vocabulary: int) -> None:
    with pytest.raises(UserError, match=f"vocabulary is {vocabulary}; it takes 2 or more"):
        SentencePiece.learn(TEXTS, vocabulary=vocabulary)


def test_refuses_an_unknown_model() -> None:
    with pytest.raises(UserError, match="model is 'word'; expected one of unigram, bpe"):
        SentencePiece.learn(TEXTS, model="word")  # type: ignore[arg-type]


def whole(proto: bytes) -> dict[str, object]:
    """Bytes that are not a model, but whole."""
    encoded = base64.b64encode(proto).decode()
    return {"proto": encoded, "sha256": hashlib.sha256(proto).hexdigest()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokenizer": "char"}, "'tokenizer' is 'char'; expected 'sentencepiece'"),
        ({"model": "word"}, "model is 'word'; expected one of unigram, bpe"),
        ({"lowercase": "no"}, "'lowercase' is 'no'; expected true or false"),
        ({"pieces": []}, "unknown key 'pieces'"),
        ({"proto": "Cg4K*"}, "'proto' is no base64"),
        ({"proto": "Cg4K"}, "'proto' has another checksum"),
        ({"proto": "é"}, "'proto' is no base64"),
        ({"proto": None}, "'proto' is no base64"),
        ({"sha256": None}, "'proto' has another checksum"),
        (whole(b""), "'proto' is no model of SentencePiece's"),
        (whole(b"no model"), "'proto' is no model of SentencePiece's"),
    ],
)
def test_refuses_a_damaged_saved_form(change: dict[str, object], message: str) -> None:
    saved = {**SentencePiece.learn(TEXTS, vocabulary=15).to_json(), **change}
    with pytest.raises(UserError, match=message) as refused:
        SentencePiece.from_json(saved)
    assert "\n" not in str(refused.value)


def test_a_model_of_another_program_is_refused() -> None:
    """Its unknown piece has an id of its own, where ds2kit has a token."""
    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 3),
        model_writer=written,
        vocab_size=18,
        unk_id=1,
        bos_id=0,
        minloglevel=2,
    )
    saved = {**SentencePiece.learn(TEXTS, vocabulary=15).to_json(), **whole(written.getvalue())}
    with pytest.raises(UserError, match="the unknown piece has id 1, not 0"):
        SentencePiece.from_json(saved)


def test_registers_what_it_brings() -> None:
    [(kind, name, path)] = plugin.ds2kit_components()
    module, _, attribute = path.partition(":")
    assert (kind, name) == ("tokenizer", "sentencepiece")
    assert getattr(importlib.import_module(module), attribute) is SentencePiece
