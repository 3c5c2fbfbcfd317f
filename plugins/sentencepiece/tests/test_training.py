"""What SentencePiece is told, and what it says where it cannot."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from ds2kit_sentencepiece.training import RESERVED, ModelType, train
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor

from ds2kit.errors import UserError

MODELS = get_args(ModelType)
SENTENCES = ["the cats sat on the mat", "the hat's on", "noon at the tassel"] * 3


def pieces(proto: bytes) -> list[str]:
    processor = SentencePieceProcessor(model_proto=proto)
    return [processor.id_to_piece(i) for i in range(len(processor))]


@pytest.mark.parametrize("model", MODELS)
def test_each_symbol_is_a_piece_and_the_first_is_the_unknown_one(model: ModelType) -> None:
    found = pieces(train(SENTENCES, 16, model))
    assert len(found) == 16
    assert found[0] == "<unk>"
    assert set("".join(SENTENCES).replace(" ", "▁")) <= set(found)


@pytest.mark.parametrize("model", MODELS)
def test_the_same_sentences_give_the_same_bytes(model: ModelType) -> None:
    assert train(SENTENCES, 16, model) == train(list(SENTENCES), 16, model)


def test_it_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    train(SENTENCES, 16, "unigram")
    with pytest.raises(UserError):
        train(SENTENCES, 1000, "unigram")
    assert capfd.readouterr() == ("", "")


def test_the_first_word_is_cut_as_any_other() -> None:
    processor = SentencePieceProcessor(model_proto=train(["ab ab", "ab"] * 9, 6, "bpe"))
    assert processor.encode("ab ab", out_type=str) == ["▁ab", "▁ab"]


def test_where_no_words_are_apart_no_space_is_a_token() -> None:
    assert "▁" not in "".join(pieces(train(["今天天气", "天气好"] * 5, 7, "unigram")))


def test_nothing_is_normalised() -> None:
    found = pieces(train(["ﬁ ① Ａ", "ﬁ①Ａ"], 5, "bpe"))
    assert set(found) == {"<unk>", "▁", "ﬁ", "①", "Ａ"}


def test_a_long_transcript_is_learned_from() -> None:
    assert "é" in pieces(train(["ab" * 5000 + "é", "ab"], 6, "bpe"))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("vocabulary", "said"),
    [
        (1000, r"vocabulary is 1000, but the transcripts give (\d+) tokens at most; set"),
        (5, r"vocabulary is 5, but the transcripts have 12 symbols, .* set .*=(13) or more$"),
    ],
)
def test_names_the_vocabulary_that_would_do(model: ModelType, vocabulary: int, said: str) -> None:
    with pytest.raises(UserError, match=said) as refused:
        train(SENTENCES, vocabulary, model)
    [number] = set(re.findall(r"tokenizer\.vocabulary=(\d+)", str(refused.value)))
    assert len(pieces(train(SENTENCES, int(number), model))) == int(number)
    assert "\n" not in str(refused.value)


@settings(deadline=None)
@given(
    st.lists(st.text("ab c今é'", min_size=1, max_size=12), min_size=1),
    st.integers(2, 40),
    st.sampled_from(MODELS),
)
def test_the_named_vocabulary_is_always_right(
    texts: list[str], vocabulary: int, model: ModelType
) -> None:
    sentences = [" ".join(text.split()) for text in texts if text.split()]
    refused = refusal(sentences, vocabulary, model)
    if named := re.search(r"tokenizer\.vocabulary=(\d+)", refused):
        assert not refusal(sentences, int(named[1]), model)
    else:
        assert re.search(r"^$|found no symbol|take tokenizer\.model=bpe", refused)


def refusal(sentences: list[str], vocabulary: int, model: ModelType) -> str:
    """What is said to such a training, or nothing where it works."""
    try:
        train(sentences, vocabulary, model)
    except UserError as refused:
        return str(refused)
    return ""


def test_what_sentencepiece_cannot_learn_from_is_told_with_a_way_out() -> None:
    with pytest.raises(UserError, match=r"cannot learn .*; take tokenizer\.model=bpe") as refused:
        train(["aaaaaaaaa"], 5, "unigram")
    assert "\n" not in str(refused.value)
    train(["aaaaaaaaa"], 5, "bpe")


@pytest.mark.parametrize("symbol", sorted(RESERVED))
def test_symbols_that_are_sentencepieces_own_are_named(symbol: str) -> None:
    with pytest.raises(UserError, match=rf"U\+{ord(symbol):04X}.*take it out of the transcript"):
        train([*SENTENCES, f"a{symbol}b"], 16, "unigram")


def test_nothing_to_learn_from() -> None:
    with pytest.raises(UserError, match="found no symbol in the transcripts"):
        train([], 16, "unigram")
