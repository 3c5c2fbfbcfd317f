"""Every search finds what every alignment of every text, one after another, says: Q, exactly."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from ds2kit_flashlight.decoder import Flashlight
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from ds2kit.components import LanguageModel, Tokenizer
from ds2kit.types import Hypothesis, Padded

COMPLETE: dict[str, Any] = {
    "beam": 100_000,
    "beam_threshold": 1e6,
    "top_p": 1.0,
    "top_k": 1000,
    "n_best": 100_000,
}
"""Nothing is left out."""

WORDS = ("a", "b", "ab", "ba", "aab")

LEXICON = ("ab", "ba", "a")

drawn = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
cases = given(
    seed=st.integers(0, 999),
    frames=st.integers(0, 5),
    lm_weight=st.sampled_from([0.0, 0.7, 2.0]),
    word_score=st.sampled_from([0.0, 0.4, -1.0]),
)


def decoded(decoder: Flashlight, log_probs: Tensor) -> list[Hypothesis]:
    return decoder.decode(Padded(log_probs[None], torch.tensor([len(log_probs)])))[0]


def check(
    decoder: Flashlight,
    log_probs: Tensor,
    worth: Callable[[str], float],
    acoustic: Mapping[str, float],
) -> None:
    """All texts, and their scores, are found."""
    expected = {text: score + worth(text) for text, score in acoustic.items()}

    found = {hypothesis.text: hypothesis for hypothesis in decoded(decoder, log_probs)}

    assert set(found) == set(expected)
    assert max(expected.values()) == pytest.approx(expected[next(iter(found))], abs=1e-5)
    for text, hypothesis in found.items():
        assert hypothesis.score == pytest.approx(expected[text], abs=1e-4)
        assert hypothesis.acoustic_score == pytest.approx(acoustic[text], abs=1e-4)


def written(folder: Path, words: Sequence[str]) -> Path:
    """A lexicon of words, spelled letter by letter."""
    path = folder / "lexicon.tsv"
    path.write_text("".join(f"{word}\t{' '.join(word)}\n" for word in words), encoding="utf-8")
    return path


def with_lexicon(tokenizer: Tokenizer, folder: Path, toy: LanguageModel) -> Flashlight:
    """Each unit is worth 0.3."""
    return Flashlight(
        tokenizer,
        lexicon=written(folder, LEXICON),
        language_model=toy,
        word_score=0.3,
        **COMPLETE,
    )


@pytest.fixture(params=["kenlm", "python"])
def model(request: pytest.FixtureRequest, literal: Any, tmp_path: Path) -> Callable[[Any], Any]:
    """A toy model as KenLM reads it, or as it is."""
    return lambda toy: literal.native(toy, tmp_path) if request.param == "kenlm" else toy


@drawn
@cases
def test_words(
    literal: Any, model: Any, seed: int, frames: int, lm_weight: float, word_score: float
) -> None:
    toy = literal.Toy("word", WORDS, seed=seed)
    decoder = Flashlight(
        literal.spaced,
        language_model=model(toy),
        lm_weight=lm_weight,
        word_score=word_score,
        **COMPLETE,
    )
    log_probs = literal.random_log_probs(frames, literal.spaced.size, seed)
    texts = literal.texts(log_probs, literal.spaced)
    writable = {text: q for text, q in texts.items() if set(text.split()) <= set(WORDS)}

    def worth(text: str) -> float:
        words = text.split()
        return lm_weight * toy.ln(words) + word_score * len(words)

    check(decoder, log_probs, worth, writable)


@drawn
@cases
def test_words_of_a_lexicon_without_a_language_model(
    literal: Any, tmp_path: Path, seed: int, frames: int, lm_weight: float, word_score: float
) -> None:
    lexicon = tmp_path / "lexicon.tsv"
    # A second spelling, another word of the same one, and the space that other makers close with.
    lexicon.write_text("ab\ta b\nab\ta b ▁\nba\tb a\naab\ta a b\n", encoding="utf-8")
    decoder = Flashlight(literal.spaced, lexicon=lexicon, word_score=word_score, **COMPLETE)
    log_probs = literal.random_log_probs(frames, literal.spaced.size, seed)
    texts = literal.texts(log_probs, literal.spaced)
    writable = {t: q for t, q in texts.items() if set(t.split()) <= {"ab", "ba", "aab"}}

    check(decoder, log_probs, lambda text: word_score * len(text.split()), writable)


@drawn
@cases
def test_any_word(
    literal: Any, model: Any, seed: int, frames: int, lm_weight: float, word_score: float
) -> None:
    toy = literal.Toy("word", ("a", "ab", "ba"), seed=seed)
    decoder = Flashlight(
        literal.spaced,
        language_model=model(toy),
        lm_weight=lm_weight,
        word_score=word_score,
        unknown_score=-1.5,
        **COMPLETE,
    )
    log_probs = literal.random_log_probs(frames, literal.spaced.size, seed)

    def worth(text: str) -> float:
        words = text.split()
        unknown = sum(not toy.knows(word) for word in words)
        return lm_weight * toy.ln(words) + word_score * len(words) - 1.5 * unknown

    check(decoder, log_probs, worth, literal.texts(log_probs, literal.spaced))


@drawn
@cases
def test_without_anything(
    literal: Any, seed: int, frames: int, lm_weight: float, word_score: float
) -> None:
    """Spaces at the ends, and two in a row, are no other text."""
    decoder = Flashlight(literal.spaced, word_score=word_score, **COMPLETE)
    log_probs = literal.random_log_probs(frames, literal.spaced.size, seed)
    texts = literal.texts(log_probs, literal.spaced)

    check(decoder, log_probs, lambda text: word_score * len(text.split()), texts)


@drawn
@cases
def test_characters(
    literal: Any, model: Any, seed: int, frames: int, lm_weight: float, word_score: float
) -> None:
    """Without a word score by flashlight alone, with one by asking."""
    toy = literal.Toy("character", "今天", seed=seed)
    decoder = Flashlight(
        literal.mandarin,
        language_model=model(toy),
        lm_weight=lm_weight,
        word_score=word_score,
        **COMPLETE,
    )
    log_probs = literal.random_log_probs(frames, literal.mandarin.size, seed)

    def worth(text: str) -> float:
        return lm_weight * toy.ln(list(text)) + word_score * len(text)

    check(decoder, log_probs, worth, literal.texts(log_probs, literal.mandarin))


@drawn
@cases
def test_characters_with_spaces_between_words(
    literal: Any, model: Any, seed: int, frames: int, lm_weight: float, word_score: float
) -> None:
    toy = literal.Toy("character", "ab", seed=seed)
    decoder = Flashlight(
        literal.spaced,
        language_model=model(toy),
        lm_weight=lm_weight,
        word_score=word_score,
        **COMPLETE,
    )
    log_probs = literal.random_log_probs(frames, literal.spaced.size, seed)

    def worth(text: str) -> float:
        letters = text.replace(" ", "")
        return lm_weight * toy.ln(list(letters)) + word_score * len(letters)

    check(decoder, log_probs, worth, literal.texts(log_probs, literal.spaced))


PIECES = (" a", "b", " b", "a")


@drawn
@cases
def test_tokens_with_spaces_inside_spell_words(
    literal: Any, model: Any, seed: int, frames: int, lm_weight: float, word_score: float
) -> None:
    tokenizer = literal.Pieces(PIECES)
    toy = literal.Toy("word", ("a", "ab", "ba", "b"), seed=seed)
    decoder = Flashlight(
        tokenizer, language_model=model(toy), lm_weight=lm_weight, word_score=word_score, **COMPLETE
    )
    log_probs = literal.random_log_probs(frames, tokenizer.size, seed)
    rows = literal.acoustic(log_probs)
    sound = {
        " ".join(words): rows[ids]
        for words in sentences(toy.vocabulary, frames)
        if (ids := tuple(tokenizer.encode(" ".join(words)))) in rows
    }

    def worth(text: str) -> float:
        words = text.split()
        return lm_weight * toy.ln(words) + word_score * len(words)

    check(decoder, log_probs, worth, sound)


@drawn
@cases
def test_tokens(
    literal: Any, model: Any, seed: int, frames: int, lm_weight: float, word_score: float
) -> None:
    """Counted by the language model: the same text in other tokens is another; the best counts."""
    tokenizer = literal.Pieces(PIECES)
    toy = literal.Toy("token", ("▁a", "b", "▁b", "a"), seed=seed)
    decoder = Flashlight(
        tokenizer, language_model=model(toy), lm_weight=lm_weight, word_score=word_score, **COMPLETE
    )
    log_probs = literal.random_log_probs(frames, tokenizer.size, seed)
    expected: dict[str, float] = {}
    for ids, sound in literal.acoustic(log_probs).items():
        units = [tokenizer.tokens[i].replace(" ", "▁") for i in ids]
        score = sound + lm_weight * toy.ln(units) + word_score * len(units)
        text = tokenizer.decode(ids)
        expected[text] = max(expected.get(text, -math.inf), score)

    found = {hypothesis.text: hypothesis.score for hypothesis in decoded(decoder, log_probs)}

    assert found == pytest.approx(expected, abs=1e-4)


@drawn
@given(seed=st.integers(0, 999), frames=st.integers(0, 5))
@pytest.mark.parametrize("unit", ["word", "character"])
def test_a_lexicon_with_any_unit(
    literal: Any, tmp_path: Path, unit: str, seed: int, frames: int
) -> None:
    """A model of letters, and a lexicon besides: it counts the letters of the words."""
    toy = literal.Toy(unit, {"word": LEXICON, "character": ("a", "b")}[unit], seed=seed)
    decoder = with_lexicon(literal.spaced, tmp_path, toy)
    log_probs = literal.random_log_probs(frames, literal.spaced.size, seed)
    texts = literal.texts(log_probs, literal.spaced)
    writable = {t: q for t, q in texts.items() if set(t.split()) <= set(LEXICON)}

    def worth(text: str) -> float:
        counted = text.split() if unit == "word" else list(text.replace(" ", ""))
        return float(toy.ln(counted)) + 0.3 * len(counted)

    check(decoder, log_probs, worth, writable)


@drawn
@given(seed=st.integers(0, 999), frames=st.integers(0, 5))
def test_a_lexicon_with_tokens(literal: Any, tmp_path: Path, seed: int, frames: int) -> None:
    """A model of tokens counts the spaces too: a text with more of them is another."""
    toy = literal.Toy("token", ("a", "b", "▁"), seed=seed)
    decoder = with_lexicon(literal.spaced, tmp_path, toy)
    log_probs = literal.random_log_probs(frames, literal.spaced.size, seed)
    expected: dict[str, float] = {}
    for ids, sound in literal.acoustic(log_probs).items():
        units = [literal.spaced.tokens[i].replace(" ", "▁") for i in ids]
        text = literal.spaced.decode(ids)
        if set(text.split()) <= set(LEXICON):
            score = sound + toy.ln(units) + 0.3 * len(units)
            expected[text] = max(expected.get(text, -math.inf), score)

    found = {hypothesis.text: hypothesis.score for hypothesis in decoded(decoder, log_probs)}

    assert found == pytest.approx(expected, abs=1e-4)


@drawn
@given(seed=st.integers(0, 999), frames=st.integers(0, 5))
@pytest.mark.parametrize("way", ["words", "letters", "any word"])
def test_hot_words(literal: Any, way: str, seed: int, frames: int) -> None:
    """A bonus for each occurrence, of whole words; of a phrase too."""
    bonuses = {"ab": 1.5, "b a": 2.0, "aa": -1.0}
    toy = literal.Toy("word", WORDS, seed=seed)
    options = {
        "words": {"language_model": toy},
        "letters": {},
        "any word": {"language_model": toy, "unknown_score": -1.0},
    }[way]
    decoder = Flashlight(literal.spaced, hot_words=bonuses, **options, **COMPLETE)
    log_probs = literal.random_log_probs(frames, literal.spaced.size, seed)
    texts = literal.texts(log_probs, literal.spaced)
    if way == "words":
        texts = {t: q for t, q in texts.items() if set(t.split()) <= {*WORDS, "aa"}}

    def worth(text: str) -> float:
        words, score = text.split(), 0.0
        for phrase, bonus in bonuses.items():
            length = len(phrase.split())
            places = range(len(words) - length + 1)
            score += bonus * sum(words[i : i + length] == phrase.split() for i in places)
        if way == "any word":
            score -= sum(not toy.knows(word) for word in words)
        return score + (toy.ln(words) if options else 0.0)

    check(decoder, log_probs, worth, texts)


@drawn
@given(seed=st.integers(0, 999), frames=st.integers(0, 5))
def test_hot_words_without_spaces(literal: Any, seed: int, frames: int) -> None:
    """Wherever their characters stand, one over another too."""
    decoder = Flashlight(literal.mandarin, hot_words={"今天": 1.5, "天今": 1.0}, **COMPLETE)
    log_probs = literal.random_log_probs(frames, literal.mandarin.size, seed)

    def worth(text: str) -> float:
        pairs = ["".join(pair) for pair in itertools.pairwise(text)]
        return 1.5 * pairs.count("今天") + 1.0 * pairs.count("天今")

    check(decoder, log_probs, worth, literal.texts(log_probs, literal.mandarin))


@drawn
@given(seed=st.integers(0, 999))
def test_the_best_alignment_alone(literal: Any, seed: int) -> None:
    decoder = Flashlight(literal.mandarin, log_add=False, **COMPLETE)
    log_probs = literal.random_log_probs(4, literal.mandarin.size, seed)
    expected: dict[str, float] = {}
    for path in itertools.product(range(literal.mandarin.size), repeat=4):
        text = literal.mandarin.decode([t for t, _ in itertools.groupby(path) if t])
        score = float(log_probs[range(4), list(path)].double().sum())
        expected[text] = max(expected.get(text, -math.inf), score)

    found = {hypothesis.text: hypothesis.score for hypothesis in decoded(decoder, log_probs)}

    assert found == pytest.approx(expected, abs=1e-4)


def sentences(words: tuple[str, ...], longest: int) -> Iterator[tuple[str, ...]]:
    for length in range(longest + 1):
        yield from itertools.product(words, repeat=length)
