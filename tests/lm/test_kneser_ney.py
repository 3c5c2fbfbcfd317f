"""Kneser-Ney, worked by hand, by its definition, and by the peer's program."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.components import END, START, UNKNOWN
from ds2kit.lm.arpa import read_arpa, write_arpa
from ds2kit.lm.counts import START_ID, number
from ds2kit.lm.kneser_ney import FALL_BACK, Estimated, estimate
from ds2kit.lm.lmplz import estimate_with_lmplz
from ds2kit.lm.ngram import NGram
from ds2kit.lm.ngrams import NGrams
from ds2kit.lm.perplexity import measure
from ds2kit.lm.sentences import Sentences
from ds2kit.text.normalise import prepared

SENTENCES = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=6), min_size=1, max_size=12
)


def table(model: NGrams) -> dict[tuple[str, ...], tuple[float, float]]:
    """Probability and back-off weight of each n-gram."""
    found = {}
    for length, level in enumerate(model.levels, 1):
        for row, log_prob, log_backoff in zip(
            model.rows(length, 0, len(level)), level.log_probs, level.log_backoffs, strict=True
        ):
            ngram = tuple(model.units[unit] for unit in row)
            found[ngram] = (math.exp(log_prob), math.exp(log_backoff))
    return found


def test_two_sentences_worked_by_hand() -> None:
    """`a b` and `a`, whose discounts are the fixed ones: 0.5 of one, 1 of two, 1.5 of more.

    Single units, by what precedes them: a 1, b 1, the end 2, together 4. Taken from them: 0.5, 0.5
    and 1, so half is left for four units (<unk> too): an eighth each.
    """
    estimated = estimate(number([["a", "b"], ["a"]]), 2, "word")

    found = table(estimated.model)
    expected = {
        (UNKNOWN,): (0.125, 1.0),
        (START,): (0.0, 0.5),
        ("a",): (0.5 / 4 + 0.125, 0.5),
        ("b",): (0.5 / 4 + 0.125, 0.5),
        (END,): (1 / 4 + 0.125, 1.0),
        (START, "a"): ((2 - 1) / 2 + 0.5 * 0.25, 1.0),
        ("a", "b"): ((1 - 0.5) / 2 + 0.5 * 0.25, 1.0),
        ("a", END): ((1 - 0.5) / 2 + 0.5 * 0.375, 1.0),
        ("b", END): ((1 - 0.5) / 1 + 0.5 * 0.375, 1.0),
    }
    assert found.keys() == expected.keys()
    for ngram, figures in expected.items():
        assert found[ngram] == pytest.approx(figures, abs=1e-6), ngram
    assert not any(discounts.estimated for discounts in estimated.discounts)


def test_discounts_are_estimated_from_counts_of_counts() -> None:
    """Order 1: units counted 1, 1, 1, 2, 2, 3, 4 times, and 14 sentences' ends."""
    words = ["a", "b", "c", *"dd", *"ee", *"fff", *"gggg"]
    [discounts] = estimate(number([[word] for word in words]), 1, "word").discounts

    # t1 = 3, t2 = 2, t3 = 1, t4 = 1, so Y = 3 / (3 + 4); the end is counted more often.
    y = 3 / 7
    assert discounts.estimated
    assert discounts.once == pytest.approx(1 - 2 * y * 2 / 3)
    assert discounts.twice == pytest.approx(2 - 3 * y * 1 / 2)
    assert discounts.more == pytest.approx(3 - 4 * y * 1 / 1)


@settings(max_examples=30)
@given(SENTENCES, st.integers(1, 4), st.sampled_from([(0,), (0, 1), (0, 0, 1), (0, 1, 1, 2)]))
def test_it_is_the_definition(
    literal: ModuleType, sentences: list[list[str]], order: int, thresholds: tuple[int, ...]
) -> None:
    thresholds = thresholds[:order]
    oracle = literal.KneserNey(sentences, order, thresholds)

    found = table(estimate(number(sentences), order, "word", thresholds).model)

    assert set(found) - {(UNKNOWN,)} == oracle.kept
    for ngram, (prob, backoff) in found.items():
        if ngram != (START,):
            expected = float(oracle.prob(ngram[-1], ngram[:-1]))
            assert prob == pytest.approx(expected, abs=1e-6), ngram
        if len(ngram) < oracle.order:
            assert backoff == pytest.approx(float(oracle.backoff(ngram)), abs=1e-6), ngram


@settings(max_examples=20)
@given(SENTENCES, st.integers(1, 3), st.sampled_from([(0,), (0, 1)]))
def test_probabilities_sum_to_one(
    literal: ModuleType,
    tmp_path_factory: pytest.TempPathFactory,
    sentences: list[list[str]],
    order: int,
    thresholds: tuple[int, ...],
) -> None:
    """After every context, also those that no sentence has, over all units but the beginning."""
    path = tmp_path_factory.mktemp("sum") / "lm.arpa"
    write_arpa(path, estimate(number(sentences), order, "word", thresholds[:order]).model)
    model = NGram(path)
    oracle = literal.KneserNey(sentences, order)

    for history in oracle.histories():
        state = 0
        for unit in history:
            _, (state,) = model.score([state], [unit])
        log_probs, _ = model.score([state] * len(oracle.vocabulary), oracle.vocabulary)
        assert math.fsum(map(math.exp, log_probs)) == pytest.approx(1, abs=2e-6), history


def test_three_lines_of_text() -> None:
    lines = ["the cat sat on the mat", "a dog", "the dog sat"]
    estimated = estimate(number([line.split() for line in lines]), 5, "word")

    assert estimated.model.order == 5
    assert {(d.once, d.twice, d.more) for d in estimated.discounts} == {FALL_BACK}
    assert all(np.isfinite(level.log_probs).all() for level in estimated.model.levels)


def test_the_order_is_that_of_the_longest_sentence() -> None:
    estimated = estimate(number([["a"], ["b"]]), 6, "word")

    assert estimated.model.order == 3  # <s> a </s>


def test_pruned_ngrams_are_counted() -> None:
    sentences = [["a", "b"], ["a", "b"], ["c"]]
    kept = table(estimate(number(sentences), 3, "word", (0, 1)).model)
    estimated = estimate(number(sentences), 3, "word", (0, 1))

    assert ("a", "b") in kept
    assert ("c", END) not in kept
    assert estimated.pruned == (0, 2, 1)  # <s> c, c </s>; <s> c </s>


@pytest.fixture
def english(corpora: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Sentences to learn from, and others to measure on."""
    from ds2kit.lm.texts import read_lines

    lines = list(read_lines([corpora / "text" / "english.txt.xz"], prepared))[:12_000]
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("\n".join(line for i, line in enumerate(lines) if i % 10), encoding="utf-8")
    test.write_text("\n".join(lines[::10]), encoding="utf-8")
    return train, test


@pytest.mark.skipif(shutil.which("lmplz") is None, reason="KenLM's lmplz is not on the PATH")
@pytest.mark.parametrize(("order", "thresholds"), [(3, (0,)), (5, (0,)), (4, (0, 0, 1))])
def test_lmplz_makes_the_same(
    order: int, thresholds: tuple[int, ...], english: tuple[Path, Path], tmp_path: Path
) -> None:
    """Every n-gram with the same probability; perplexities within 0.1 %, and much closer."""
    train, test = english
    sentences = Sentences([train], "word", prepared)
    ours: Estimated = estimate(number(sentences), order, "word", thresholds)
    write_arpa(tmp_path / "ours.arpa", ours.model)
    estimate_with_lmplz(tmp_path / "theirs.arpa.gz", sentences, order, "word", thresholds, 0.3)

    expected, found = (read_arpa(tmp_path / name) for name in ("theirs.arpa.gz", "ours.arpa"))
    assert found.units == expected.units
    for ours_level, level in zip(found.levels, expected.levels, strict=True):
        predicted = level.last != START_ID
        np.testing.assert_array_equal(ours_level.contexts, level.contexts)
        np.testing.assert_array_equal(ours_level.last, level.last)
        for name in ("log_probs", "log_backoffs"):
            mine, theirs = (getattr(one, name)[predicted] for one in (ours_level, level))
            np.testing.assert_allclose(mine, theirs, atol=2e-5)
    held_out = list(Sentences([test], "word", prepared))
    perplexities = [
        measure(NGram(tmp_path / name), held_out).perplexity
        for name in ("ours.arpa", "theirs.arpa.gz")
    ]
    assert perplexities[0] == pytest.approx(perplexities[1], rel=1e-4)
