"""StreamingDecoderContract passes a decoder that hears what comes, and fails what breaks it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

from ds2kit.components import StreamingDecoder, Tokenizer
from ds2kit.errors import UserError
from ds2kit.testing import DecoderContract, StreamingDecoderContract
from ds2kit.text.char import Char
from ds2kit.types import Hypothesis, Padded, Word

LETTERS = Char([" ", "a", "b", "c"])


class Healthy(StreamingDecoder):
    """The best path, decoded anew with every piece: its words but the last are final."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        lengths = log_probs.lengths.tolist()
        return [[self.best(row[:n])] for row, n in zip(log_probs.values, lengths, strict=True)]

    def best(self, log_probs: Tensor) -> Hypothesis:
        values, labels = log_probs.max(dim=1)
        path = labels.tolist()
        starts = [t for t, pair in enumerate(pairwise([0, *path])) if pair[1] not in (0, pair[0])]
        tokens = tuple(path[t] for t in starts)
        words: list[Word] = []
        before = 0
        for t, token in zip(starts, tokens, strict=True):
            letter = self.tokenizer.tokens[token]
            if letter != " " and words and before != 1:
                words[-1] = replace(words[-1], text=words[-1].text + letter, end_frame=t + 1)
            elif letter != " ":
                words.append(Word(letter, t, t + 1, 0.5))
            before = token
        score = float(values.double().sum())
        return Hypothesis(self.tokenizer.decode(tokens), tokens, score, tuple(words))

    def begin(self) -> Any:
        return {"heard": torch.zeros(0, self.tokenizer.size), "given": 0}

    def advance(self, stream: Any, log_probs: Tensor) -> tuple[Word, ...]:
        stream["heard"] = torch.cat([stream["heard"], log_probs])
        final = self.final(self.best(stream["heard"]))
        given, stream["given"] = stream["given"], len(final)
        return final[given:]

    def final(self, best: Hypothesis) -> tuple[Word, ...]:
        return best.words[:-1]

    def finish(self, stream: Any) -> Hypothesis:
        return self.best(stream["heard"])


class TestHealthy(DecoderContract, StreamingDecoderContract):
    @pytest.fixture
    def tokenizer(self) -> Tokenizer:
        return LETTERS

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer) -> Healthy:
        return Healthy(tokenizer)


def check(name: str, kind: type[Healthy], message: str, **more: str) -> None:
    with pytest.raises(AssertionError, match=message):
        getattr(StreamingDecoderContract(), name)(decoder=kind(LETTERS), tokenizer=LETTERS, **more)


class GivesTheLastWordToo(Healthy):
    """Though more letters may follow."""

    def final(self, best: Hypothesis) -> tuple[Word, ...]:
        return best.words


class GivesWordsTwice(Healthy):
    def advance(self, stream: Any, log_probs: Tensor) -> tuple[Word, ...]:
        super().advance(stream, log_probs)
        return self.final(self.best(stream["heard"]))


class CountsFramesOfThePiece(Healthy):
    def advance(self, stream: Any, log_probs: Tensor) -> tuple[Word, ...]:
        before = len(stream["heard"])
        words = super().advance(stream, log_probs)
        return tuple(replace(word, start_frame=word.start_frame - before) for word in words)


@pytest.mark.parametrize("kind", [GivesTheLastWordToo, GivesWordsTwice, CountsFramesOfThePiece])
def test_words_that_were_not_final_fail(kind: type[Healthy]) -> None:
    check("test_streaming_words_are_final", kind, "a word is given once, when nothing can change")


class DecodesPieces(Healthy):
    """Joins what it heard in each piece: a letter on both sides of a cut is said twice."""

    def advance(self, stream: Any, log_probs: Tensor) -> tuple[Word, ...]:
        stream.setdefault("tokens", []).extend(self.best(log_probs).tokens)
        return super().advance(stream, log_probs)

    def finish(self, stream: Any) -> Hypothesis:
        whole, tokens = super().finish(stream), tuple(stream.get("tokens", ()))
        return replace(whole, tokens=tokens, text=self.tokenizer.decode(tokens))


class ForgetsTheScore(Healthy):
    """Scores the last piece alone."""

    def advance(self, stream: Any, log_probs: Tensor) -> tuple[Word, ...]:
        stream["score"] = self.best(log_probs).score
        return super().advance(stream, log_probs)

    def finish(self, stream: Any) -> Hypothesis:
        return replace(super().finish(stream), score=stream.get("score", 0.0))


@pytest.mark.parametrize(
    ("kind", "message"), [(DecodesPieces, "in pieces of .* heard"), (ForgetsTheScore, "the score")]
)
def test_another_whole_than_decode_gives_fails(kind: type[Healthy], message: str) -> None:
    check("test_streaming_gives_what_decode_gives", kind, message)


class WaitsForTheEnd(Healthy):
    def final(self, best: Hypothesis) -> tuple[Word, ...]:
        return ()


def test_words_that_come_at_the_end_only_fail() -> None:
    message = "no word of 'abc abc', which is certain, came before finish"
    check("test_streaming_words_come_while_one_speaks", WaitsForTheEnd, message, sayable="abc")


class Partial(Healthy):
    """What it would give if nothing followed."""

    def partial(self, stream: Any) -> Hypothesis:
        return self.finish(stream)


class TestPartial(TestHealthy):
    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer) -> Partial:
        return Partial(tokenizer)


class ForgetsWhatItGave(Partial):
    def partial(self, stream: Any) -> Hypothesis:
        whole = super().partial(stream)
        return replace(whole, words=whole.words[-1:])


class TellsTheLastWordOnly(Partial):
    def partial(self, stream: Any) -> Hypothesis:
        whole = super().partial(stream)
        return replace(whole, text=whole.text.split(" ")[-1])


class LosesTheWordThatIsNotOver(Partial):
    def partial(self, stream: Any) -> Hypothesis:
        whole = super().partial(stream)
        return replace(whole, words=whole.words[:-1])


class EndsTheStream(Partial):
    def partial(self, stream: Any) -> Hypothesis:
        whole = super().partial(stream)
        stream["heard"] = stream["heard"][:0]
        return whole


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (ForgetsWhatItGave, "what is final comes first"),
        (TellsTheLastWordOnly, "its tokens say"),
        (LosesTheWordThatIsNotOver, "the partial words joined are"),
        (EndsTheStream, "frames with partial texts between: heard"),
    ],
)
def test_partial_texts_that_are_none_fail(kind: type[Healthy], message: str) -> None:
    check("test_streaming_partial_text_begins_with_what_was_given", kind, message)


class KnowsNothingYet(Partial):
    def partial(self, stream: Any) -> Hypothesis:
        return Hypothesis("", (), 0.0)


def test_a_partial_text_that_waits_fails() -> None:
    message = "the partial text is '' where 'abc' is certain"
    name = "test_streaming_partial_text_has_what_was_said"
    check(name, KnowsNothingYet, message, sayable="abc")


def test_a_decoder_without_partial_texts_says_so() -> None:
    decoder = Healthy(LETTERS)
    with pytest.raises(UserError, match="the decoder Healthy gives no text before it is final"):
        decoder.partial(decoder.begin())


class SharesItsStream(Healthy):
    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(tokenizer)
        self.stream = super().begin()

    def begin(self) -> Any:
        return self.stream


class WritesItsInput(Healthy):
    def advance(self, stream: Any, log_probs: Tensor) -> tuple[Word, ...]:
        words = super().advance(stream, log_probs)
        log_probs.zero_()
        return words


@pytest.mark.parametrize(
    ("kind", "message"),
    [(SharesItsStream, "frames among other streams"), (WritesItsInput, "wrote into its input")],
)
def test_streams_that_are_not_apart_fail(kind: type[Healthy], message: str) -> None:
    check("test_streaming_streams_are_apart", kind, message)
