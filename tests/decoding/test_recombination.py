"""What is let go could not have become the best; what stays keeps its score."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.decoding import search
from ds2kit.decoding.beam import Beam
from ds2kit.decoding.candidates import Alignments, Candidate
from ds2kit.decoding.fusion import Prefix
from ds2kit.decoding.paths import Said
from ds2kit.decoding.recombination import recombined
from ds2kit.text.char import Char
from ds2kit.types import Hypothesis, Padded

LETTERS = Char([" ", "a", "b"])
COMPLETE = {"beam": 10**6, "top_p": 1.0, "top_k": 10**6}


def candidate(written: str, ends: dict[int, float], **more: Any) -> Candidate:
    """A text, and the ln P of its alignments by last token."""
    said = Said.nothing()
    found = {token: Alignments(mass, mass, said) for token, mass in ends.items()}
    return Candidate(Prefix(written, **more), found)


def left(*beam: Candidate) -> list[str]:
    ranked = sorted(beam, key=lambda one: -one.score)
    return [one.prefix.written for one in recombined(ranked)]


def test_the_lesser_of_two_texts_of_one_future_is_let_go() -> None:
    assert left(candidate("a ", {0: -1.0}), candidate("b ", {0: -2.0})) == ["a "]


@pytest.mark.parametrize("other", [{"state": "b"}, {"word": "b"}, {"tail": "b"}])
def test_texts_of_different_futures_stay(other: dict[str, str]) -> None:
    assert left(candidate("a ", {0: -1.0}), candidate("b ", {0: -2.0}, **other)) == ["a ", "b "]


def test_what_counts_is_the_score_with_the_language_model() -> None:
    first, second = candidate("a ", {0: -3.0}, worth=2.0), candidate("b ", {0: -2.0})

    assert left(first, second) == ["a "]


def test_who_is_ahead_in_one_end_only_stays() -> None:
    """After a blank one is ahead, after the letter the other: the next frame may tell."""
    first = candidate("ab", {0: -1.0, 3: -5.0})
    second = candidate("bb", {0: -2.0, 3: -4.0})

    assert left(first, second) == ["ab", "bb"]
    assert left(first, candidate("bb", {3: -6.0})) == ["ab"]
    assert left(candidate("ab", {0: -1.0}), candidate("bb", {3: -6.0})) == ["ab", "bb"]


def test_who_may_still_gain_from_its_beginning_stays() -> None:
    """`b` is another future than `a b`, and may yet become `b b`: its alignments join it."""
    ahead, behind = candidate("a b", {0: -1.0}), candidate("b b", {0: -2.0})
    beginning = candidate("b ", {0: -1.5}, state="early")

    assert left(ahead, behind, beginning) == ["a b", "b ", "b b"]
    # Unless what becomes the leader in the same way is ahead of it as well.
    counterpart = candidate("a ", {0: -1.2}, state="early")
    assert left(ahead, behind, beginning, counterpart) == ["a b", "a "]
    lesser = candidate("a ", {0: -1.8}, state="early")
    assert left(ahead, behind, beginning, lesser) == ["a b", "b ", "a ", "b b"]


def test_what_a_text_that_stays_gains_from_stays() -> None:
    """`b ` is behind `a `, but `b b` has nobody ahead."""
    beginning, text = candidate("b ", {0: -2.0}), candidate("b b", {0: -3.0}, state="b")

    assert left(candidate("a ", {0: -1.0}), beginning, text) == ["a ", "b ", "b b"]


def normalised(logits: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(logits).log_softmax(dim=-1)


def decoded(decoder: Beam, log_probs: torch.Tensor) -> list[Hypothesis]:
    return decoder.decode(Padded(log_probs[None], torch.tensor([len(log_probs)])))[0]


def best(decoder: Beam, log_probs: torch.Tensor) -> Hypothesis:
    return decoded(decoder, log_probs)[0]


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(3, 5),
    sharpness=st.sampled_from([0.5, 1.5, 4.0]),
    unit=st.sampled_from(["word", "character", "token", None]),
)
def test_the_best_of_a_complete_search_is_the_same(
    seed: int,
    frames: int,
    sharpness: float,
    unit: Any,
    drawn: Callable[..., Any],
) -> None:
    """Recombined after each frame or never, its score is the same to the last bits."""
    log_probs = normalised(sharpness * np.random.default_rng(seed).standard_normal((frames, 4)))
    model = drawn(["a", "b", "ab", "▁"], unit=unit, seed=seed) if unit else None
    options: Any = {"language_model": model, "word_score": 0.3, "hot_words": {"ab": 1.0}}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "SETTLE_FRAMES", 1)
        found = best(Beam(LETTERS, **options, **COMPLETE), log_probs)
    expected = best(Beam(LETTERS, **options, **COMPLETE, n_best=2), log_probs)

    assert found.score == pytest.approx(expected.score, abs=1e-9)
    assert found.text == expected.text or math.isclose(found.score, expected.score)


LEXICONS = ["a\ta\nab\ta b\nba\tb a\nb\tb\n", "今\t今\n今天\t今 天\n天气\t天 气\n气\t气\n天\t天\n"]


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    frames=st.integers(3, 4),
    script=st.sampled_from([0, 1]),
    unit=st.sampled_from(["word", "character", None]),
)
def test_with_a_lexicon_too(
    seed: int,
    frames: int,
    script: int,
    unit: Any,
    drawn: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("lexicon") / "words.txt"
    path.write_text(LEXICONS[script], encoding="utf-8")
    tokenizer = [LETTERS, Char("今天气")][script]
    log_probs = normalised(2 * np.random.default_rng(seed).standard_normal((frames, 4)))
    known = ["a", "b", "ab", "今", "天", "今天", "天气"]
    model = drawn(known, unit=unit, seed=seed) if unit else None
    options: Any = {"language_model": model, "lexicon": path, "word_score": 0.3}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "SETTLE_FRAMES", 1)
        found = best(Beam(tokenizer, **options, **COMPLETE), log_probs)
    expected = best(Beam(tokenizer, **options, **COMPLETE, n_best=2), log_probs)

    assert found.score == pytest.approx(expected.score, abs=1e-9)


def unsure_of_one_word(frames: int) -> torch.Tensor:
    """`ab` or `a`, the first word is; then `b`, a space, again and again, certainly."""
    rows = [{2: 1.0}, {3: 0.6, 0: 0.4}, {1: 1.0}, *[{3: 1.0}, {1: 1.0}] * frames]
    return torch.tensor([[row.get(i, 0.0) for i in range(4)] for row in rows]).log()


@pytest.mark.parametrize("n_best", [1, 5])
def test_a_word_is_final_where_only_lesser_texts_lack_it(n_best: int) -> None:
    """Texts that cannot become the best any more are listed at the end, and hold up no word."""
    decoder = Beam(LETTERS, n_best=n_best, top_p=1.0)
    log_probs = unsure_of_one_word(30)
    stream = decoder.begin()

    words = decoder.advance(stream, log_probs)

    assert [word.text for word in words][:2] == ["ab", "b"]
    assert len(words) > 20
    assert decoder.partial(stream).words[: len(words)] == words
    found = [hypothesis.text[:4] for hypothesis in decoded(decoder, log_probs)]
    assert found == ["ab b", "a b "][:n_best]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    beam=st.integers(1, 8),
    n_best=st.integers(2, 6),
    every=st.integers(1, 4),
    ties=st.booleans(),
    unit=st.sampled_from(["word", "character", "token", None]),
)
def test_final_words_are_those_of_the_best_text(
    seed: int,
    beam: int,
    n_best: int,
    every: int,
    ties: bool,
    unit: Any,
    drawn: Callable[..., Any],
) -> None:
    """Whatever else is listed, and where texts are equally good too."""
    logits = 3 * np.random.default_rng(seed).standard_normal((40, LETTERS.size))
    frames = torch.from_numpy(logits.round() if ties else logits).log_softmax(dim=-1)
    model = drawn(["a", "b", "ab", "▁"], unit=unit, seed=seed % 9) if unit else None
    decoder = Beam(LETTERS, beam=beam, n_best=n_best, language_model=model, top_p=1.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "SETTLE_FRAMES", every)
        stream, words = decoder.begin(), ()
        for piece in frames.split(7):
            words += decoder.advance(stream, piece)
            assert decoder.partial(stream).words[: len(words)] == words
        listed = decoded(decoder, frames)
        found = decoder.finish(stream)

    assert found.words[: len(words)] == words
    assert found == listed[0]
    scores = [hypothesis.score for hypothesis in listed]
    assert scores == pytest.approx(sorted(scores, reverse=True), abs=1e-5)
