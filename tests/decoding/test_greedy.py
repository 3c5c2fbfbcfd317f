"""The best path against a literal loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.components import Tokenizer
from ds2kit.decoding.greedy import Greedy
from ds2kit.testing import DecoderContract, StreamingDecoderContract
from ds2kit.text.char import Char
from ds2kit.types import Padded

LETTERS = Char([" ", "a", "b", "c"])


class TestGreedy(DecoderContract, StreamingDecoderContract):
    @pytest.fixture
    def tokenizer(self) -> Tokenizer:
        return LETTERS

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer) -> Greedy:
        return Greedy(tokenizer)


class TestGreedyWithoutSpaces(DecoderContract, StreamingDecoderContract):
    @pytest.fixture
    def tokenizer(self) -> Tokenizer:
        return Char("今天气")

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer) -> Greedy:
        return Greedy(tokenizer)


def path(labels: str, *, sure: float = 0.9) -> torch.Tensor:
    """[1, frames, vocabulary] log-probabilities of a path; `-` is the blank."""
    ids = [("-", *LETTERS.tokens[1:]).index(label) for label in labels]
    others = (1 - sure) / (LETTERS.size - 1)
    probabilities = torch.full((1, len(ids), LETTERS.size), others, dtype=torch.float64)
    probabilities[0, torch.arange(len(ids)), ids] = sure
    return probabilities.log()


def heard(log_probs: torch.Tensor, tokenizer: Tokenizer = LETTERS):
    lengths = torch.full((len(log_probs),), log_probs.shape[1])
    return [best for (best,) in Greedy(tokenizer).decode(Padded(log_probs, lengths))]


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ("aab", "ab"),
        ("a-a", "aa"),
        ("aa--aa", "aa"),
        ("-a-", "a"),
        ("---", ""),
        ("", ""),
        ("a b", "a b"),
        ("a - b", "a b"),
        ("--  a  --", "a"),
        ("abab", "abab"),
    ],
)
def test_repeats_are_joined_and_blanks_taken_out(labels: str, text: str) -> None:
    (best,) = heard(path(labels))

    assert best.text == text


def literally(probabilities: np.ndarray, tokens: tuple[str, ...]) -> tuple[str, list[int], float]:
    """Graves et al. 2006, equation 4: the best path's labelling and log-probability."""
    score, kept, previous = 0.0, [], 0
    for frame in probabilities:
        best = 0
        for token in range(len(frame)):
            if frame[token] > frame[best]:
                best = token
        score += math.log(frame[best])
        if best not in (0, previous):
            kept.append(best)
        previous = best
    return " ".join("".join(tokens[token] for token in kept).split()), kept, score


@given(seed=st.integers(0, 10_000), frames=st.integers(0, 30))
def test_equals_a_literal_loop(seed: int, frames: int) -> None:
    draw = np.random.default_rng(seed)
    probabilities = draw.dirichlet([0.3] * LETTERS.size, size=frames) + 1e-9
    log_probs = torch.from_numpy(np.log(probabilities))[None]

    (best,) = heard(log_probs)

    text, tokens, score = literally(probabilities, LETTERS.tokens)
    assert (best.text, list(best.tokens)) == (text, tokens)
    assert best.score == pytest.approx(score, abs=1e-9)


@given(seed=st.integers(0, 1000), order=st.permutations([1, 2, 3, 4]))
def test_labels_in_another_order_give_the_same_text(seed: int, order: list[int]) -> None:
    draw = torch.Generator().manual_seed(seed)
    log_probs = torch.randn(2, 20, LETTERS.size, generator=draw).mul(3).log_softmax(dim=-1)
    other = Char([LETTERS.tokens[token] for token in order])

    found = heard(log_probs[..., [0, *order]], other)

    for one, expected in zip(found, heard(log_probs), strict=True):
        assert (one.text, one.score, one.words) == (expected.text, expected.score, expected.words)


def test_a_word_is_as_sure_as_its_weakest_letter_at_its_surest_frame() -> None:
    sure = [("a", 0.5), ("a", 0.8), ("a", 0.6), ("b-", 0.8), ("b", 0.9)]
    log_probs = torch.cat([path(labels, sure=share) for labels, share in sure], dim=1)

    (best,) = heard(log_probs)

    (word,) = best.words
    assert (word.text, word.start_frame, word.end_frame) == ("abb", 0, 6)
    assert word.confidence == pytest.approx(0.8)


def test_sums_the_score_of_a_long_recording_exactly() -> None:
    frames = 200_000
    log_probs = torch.full((1, frames, LETTERS.size), math.log(0.1), dtype=torch.float32)
    log_probs[..., 0] = math.log(0.6)

    (best,) = heard(log_probs)

    assert best.score == pytest.approx(frames * math.log(0.6), rel=1e-6)


def streamed(labels: str, sizes: list[int], tokenizer: Tokenizer = LETTERS):
    """For each piece of a path, the words that became final with it; and the whole."""
    decoder, log_probs = Greedy(tokenizer), path(labels)[0]
    stream, came = decoder.begin(), []
    for piece in log_probs.split([*sizes, len(log_probs) - sum(sizes)]):
        came.append([(w.text, w.start_frame, w.end_frame) for w in decoder.advance(stream, piece)])
    return came, decoder.finish(stream)


def test_a_word_is_final_where_a_space_begins_after_it() -> None:
    came, whole = streamed("aab--b  c-", [1] * 9)

    assert came == [[], [], [], [], [], [], [("abb", 0, 6)], [], [], []]
    assert [(word.text, word.start_frame, word.end_frame) for word in whole.words] == [
        ("abb", 0, 6),
        ("c", 8, 9),
    ]


def test_a_hanzi_is_final_when_it_ends() -> None:
    hanzi = Char("今天气")
    ids = {"-": 0, "今": 1, "天": 2, "气": 3}
    log_probs = torch.full((6, 4), math.log(0.01))
    log_probs[torch.arange(6), [ids[label] for label in "今今天-天气"]] = math.log(0.97)
    decoder = Greedy(hanzi)
    stream = decoder.begin()

    came = [[w.text for w in decoder.advance(stream, frame[None])] for frame in log_probs]

    assert came == [[], [], ["今"], ["天"], [], ["天"]]
    assert decoder.finish(stream).text == "今天天气"


@given(
    labels=st.text("-abc ", max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=12),
)
def test_any_pieces_give_the_words_of_the_whole(labels: str, cuts: list[int]) -> None:
    ends = sorted(min(cut, len(labels)) for cut in cuts)
    sizes = [end - before for before, end in zip([0, *ends], ends, strict=False)]

    came, whole = streamed(labels, sizes)

    (expected,) = heard(path(labels))
    assert whole == expected
    given_words = [word for words in came for word in words]
    words = [(word.text, word.start_frame, word.end_frame) for word in expected.words]
    # All but the last, which a space might still follow.
    closed = len(words) - (not labels.rstrip("-").endswith(" ") and bool(words))
    assert given_words == words[:closed]


def test_a_partial_text_is_the_path_so_far() -> None:
    decoder, log_probs = Greedy(LETTERS), path("aab-b  c-")[0]
    stream = decoder.begin()
    decoder.advance(stream, log_probs[:8])

    partial = decoder.partial(stream)
    decoder.advance(stream, log_probs[8:])

    assert (partial.text, [word.text for word in partial.words]) == ("abb c", ["abb", "c"])
    assert partial.words == decoder.finish(stream).words
