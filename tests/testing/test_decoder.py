"""DecoderContract passes a decoder that keeps its promises, and fails one that breaks any."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any, Self

import pytest
import torch
from torch import Tensor

from ds2kit.components import BLANK, Decoder, Tokenizer
from ds2kit.testing import DecoderContract
from ds2kit.types import Hypothesis, Padded, Word


class Letters(Tokenizer):
    """A fixed inventory, for decoders to spell with."""

    tokens = ("", " ", "a", "b", "c", "d")

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Self:
        return cls()

    def normalise(self, text: str) -> str:
        return " ".join(text.split())

    def foreign(self, text: str) -> tuple[str, ...]:
        return ()

    def encode(self, text: str) -> list[int]:
        return [self.tokens.index(letter) for letter in text]

    def to_json(self) -> Mapping[str, Any]:
        return {}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        return cls()


class Healthy(Decoder):
    """The best path, and the same without its last token as a second guess."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        lengths = log_probs.lengths.tolist()
        return [
            self.guesses(row[: self.frames(row, length)])
            for row, length in zip(log_probs.values, lengths, strict=True)
        ]

    def frames(self, row: Tensor, length: int) -> int:
        return length

    def guesses(self, log_probs: Tensor) -> list[Hypothesis]:
        values, labels = log_probs.max(dim=1)
        path = labels.tolist()
        starts = [t for t, label in enumerate(path) if label != BLANK and path[:t][-1:] != [label]]
        tokens, score = tuple(path[t] for t in starts), float(values.sum())
        best = self.guess(tokens, score, self.words(path, starts))
        second = self.guess(tokens[:-1], score - 1.0, ())
        return [best, second] if second.text != best.text else [best]

    def guess(self, tokens: tuple[int, ...], score: float, words: tuple[Word, ...]) -> Hypothesis:
        return Hypothesis(self.tokenizer.decode(tokens), tokens, score, words)

    def words(self, path: list[int], starts: list[int]) -> tuple[Word, ...]:
        spoken = [(t, self.tokenizer.tokens[path[t]]) for t in starts]
        runs = itertools.groupby(spoken, key=lambda pair: pair[1] == " ")
        return tuple(self.word(list(run)) for is_space, run in runs if not is_space)

    def word(self, letters: list[tuple[int, str]]) -> Word:
        text = "".join(letter for _, letter in letters)
        return Word(text, letters[0][0], letters[-1][0] + 1, 0.5)


class TestHealthy(DecoderContract):
    @pytest.fixture
    def tokenizer(self) -> Letters:
        return Letters()

    @pytest.fixture
    def decoder(self, tokenizer: Letters) -> Healthy:
        return Healthy(tokenizer)


class DecodesPadding(Healthy):
    def frames(self, row: Tensor, length: int) -> int:
        return len(row)


def test_decoding_padding_fails() -> None:
    with pytest.raises(AssertionError, match="decode the first `lengths` frames only"):
        DecoderContract().test_neighbours_and_padding(DecodesPadding(Letters()), Letters())


class ScoresPadding(Healthy):
    """Its texts are right, its scores are of the padded batch."""

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        padding = log_probs.values.shape[1] - log_probs.lengths
        return [
            [Hypothesis(h.text, h.tokens, h.score - float(extra), h.words) for h in listed]
            for listed, extra in zip(super().decode(log_probs), padding, strict=True)
        ]


def test_scoring_padding_fails() -> None:
    with pytest.raises(AssertionError, match="padding is scored"):
        DecoderContract().test_neighbours_and_padding(ScoresPadding(Letters()), Letters())


class WorstFirst(Healthy):
    def guesses(self, log_probs: Tensor) -> list[Hypothesis]:
        return super().guesses(log_probs)[::-1]


class HasNothingToSay(Healthy):
    def guesses(self, log_probs: Tensor) -> list[Hypothesis]:
        return [guess for guess in super().guesses(log_probs) if guess.text]


class ForgetsTheEmpty(Healthy):
    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        return [listed for listed in super().decode(log_probs) if listed[0].text]


class SaysItTwice(Healthy):
    def guesses(self, log_probs: Tensor) -> list[Hypothesis]:
        return super().guesses(log_probs)[:1] * 2


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (WorstFirst, "sort the list by the score that it returns"),
        (HasNothingToSay, "an utterance of 0 frames has no hypothesis"),
        (ForgetsTheEmpty, "6 utterances gave . lists"),
        (SaysItTwice, "a text comes twice"),
    ],
)
def test_lists_out_of_order_fail(kind: type[Healthy], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        DecoderContract().test_each_utterance_has_its_list(kind(Letters()), Letters())


class CountsLabelsFromZero(Healthy):
    """Takes the last label for the blank."""

    def guesses(self, log_probs: Tensor) -> list[Hypothesis]:
        return super().guesses(log_probs.roll(1, dims=1))


def test_a_blank_elsewhere_fails() -> None:
    decoder = CountsLabelsFromZero(Letters())
    with pytest.raises(AssertionError, match="30 frames of blank gave"):
        DecoderContract().test_blanks_are_silence(Capital(Letters()), Letters())
    with pytest.raises(AssertionError, match=r"heard .* is certain"):
        DecoderContract().test_what_is_certain_is_heard(decoder, Letters(), "abcd")


class Capital(Healthy):
    """Hears something in silence."""

    def guess(self, tokens: tuple[int, ...], score: float, words: tuple[Word, ...]) -> Hypothesis:
        return super().guess(tokens or (2,), score, words)


class MultipliesProbabilities(Healthy):
    """0 * -inf is NaN."""

    def guesses(self, log_probs: Tensor) -> list[Hypothesis]:
        score = float((log_probs.exp() * log_probs).sum())
        return [Hypothesis(h.text, h.tokens, score, h.words) for h in super().guesses(log_probs)]


def test_a_score_that_is_not_a_number_fails() -> None:
    with pytest.raises(AssertionError, match="the score of a certain text is nan"):
        DecoderContract().test_what_is_certain_is_heard(
            MultipliesProbabilities(Letters()), Letters(), "abcd"
        )


class LosesAWord(Healthy):
    def words(self, path: list[int], starts: list[int]) -> tuple[Word, ...]:
        return super().words(path, starts)[1:]


class TooSure(Healthy):
    def word(self, letters: list[tuple[int, str]]) -> Word:
        word = super().word(letters)
        return Word(word.text, word.start_frame, word.end_frame, 1.5)


class PointsBeyondTheEnd(Healthy):
    def word(self, letters: list[tuple[int, str]]) -> Word:
        word = super().word(letters)
        return Word(word.text, word.start_frame, word.end_frame + 9, 0.5)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (LosesAWord, "joined are not the text"),
        (TooSure, r"has confidence 1.5; it is within \[0, 1\]"),
        (PointsBeyondTheEnd, "words follow one another within it"),
    ],
)
def test_wrong_words_fail(kind: type[Healthy], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        DecoderContract().test_words_are_the_text(kind(Letters()), Letters())


class KeepsBlanks(Healthy):
    def guess(self, tokens: tuple[int, ...], score: float, words: tuple[Word, ...]) -> Hypothesis:
        return super().guess((*tokens, BLANK), score, words)


def test_blanks_among_tokens_fail() -> None:
    with pytest.raises(AssertionError, match="hold the blank"):
        DecoderContract().test_tokens_are_the_text(KeepsBlanks(Letters()), Letters())


class KeepsState(Healthy):
    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(tokenizer)
        self.heard = 0

    def guesses(self, log_probs: Tensor) -> list[Hypothesis]:
        self.heard += 1
        return super().guesses(log_probs - self.heard)


def test_state_between_batches_fails() -> None:
    with pytest.raises(AssertionError, match="decoding the same batch again gave something else"):
        DecoderContract().test_deterministic(KeepsState(Letters()), Letters())


class WritesItsInput(Healthy):
    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        log_probs.values[~log_probs.mask()] = -torch.inf
        return super().decode(log_probs)


def test_writing_into_the_input_fails() -> None:
    with pytest.raises(AssertionError, match="decode wrote into its input"):
        DecoderContract().test_deterministic(WritesItsInput(Letters()), Letters())
