"""The model that flashlight asks: texts that read the same are one, and old ones are forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from ds2kit_flashlight import asked
from ds2kit_flashlight.asked import UNLIKELY, AskedScores
from ds2kit_flashlight.columns import NOBODY

from ds2kit.decoding.fusion import Fusion
from ds2kit.decoding.lexicon import Lexicon
from ds2kit.decoding.limits import Weights
from ds2kit.text.char import Char

LETTERS = Char(list(" ab"))
WEIGHTS = Weights(lm_weight=1.0, word_score=0.5)


def scores(model: Any, *, words: Any = None, lexicon: Any = None) -> AskedScores:
    fusion = Fusion(LETTERS, language_model=model, lexicon=lexicon, hot_words=None, weights=WEIGHTS)
    return AskedScores(fusion, [], words)


def said(found: AskedScores, labels: list[int]) -> tuple[Any, float]:
    """The state after labels, and what they were worth."""
    state, total = found.start(False), 0.0
    for label in labels:
        state, gain = found.score(state, label)
        total += gain
    return state, total


def test_texts_that_read_the_same_are_one(literal: Any) -> None:
    found = scores(literal.Toy("word", ("a", "ab")))

    assert said(found, [2, 1, 1, 3])[0] is said(found, [1, 2, 1, 3])[0]
    assert said(found, [2, 1])[0] is not said(found, [2])[0]
    ends = [found.finish(said(found, labels)[0])[0] for labels in ([2], [2, 1])]
    assert ends[0] is ends[1]


def test_scores_sum_up(literal: Any) -> None:
    toy = literal.Toy("word", ("a", "ab"))
    for words, labels in ((None, [2, 3, 1, 2]), ([("a", "a"), ("ab", "ab")], [1, 0])):
        found = scores(toy, words=words)
        state, total = said(found, labels)
        _, end = found.finish(state)

        assert total + end == pytest.approx(toy.ln(["ab", "a"]) + 2 * 0.5)


def test_what_is_not_in_the_lexicon(literal: Any) -> None:
    """It is as unlikely as can be once, and whatever follows does not make it a word again."""
    found = scores(literal.Toy("word", ("ab",)), lexicon=Lexicon({"ab": ((2, 3),)}, LETTERS))

    state, total = said(found, [3, 2, 3])

    assert total == pytest.approx(UNLIKELY)
    assert found.finish(state)[1] == UNLIKELY
    assert found.finish(said(found, [2])[0])[1] == UNLIKELY
    assert found.finish(said(found, [2, 3])[0])[1] > UNLIKELY


def test_columns_stand_for_labels(literal: Any) -> None:
    found, plain = scores(literal.Toy("character", "ab")), scores(literal.Toy("character", "ab"))
    found.columns = [0, NOBODY, 3, 2]
    start = found.start(False)

    assert found.score(start, 3)[1] == plain.score(plain.start(False), 2)[1]
    assert found.score(start, 1) == (start, UNLIKELY)


def test_a_language_model_is_asked_for_all_columns_at_once(literal: Any) -> None:
    toy = literal.Toy("character", "ab")
    found, calls = scores(toy), list[Any]()
    ask = toy.score
    toy.score = lambda states, units: calls.append(units) or ask(states, units)
    found.columns = [0, 3, 2]
    start = found.start(False)

    for column in (1, 2, 1):
        found.score(start, column)

    assert [set(units) for units in calls] == [{"a", "b"}]


def test_what_was_asked_long_ago_is_forgotten(
    literal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And asked again where it comes up again, with the same answer."""
    monkeypatch.setattr(asked, "KEPT_BYTES", 50_000)
    found = scores(literal.Toy("character", "ab"))
    state, first = found.start(False), found.score(found.start(False), 2)[1]
    begin = state
    for number in range(500):
        state, _ = found.score(state, 2 + number % 2)
        # This one stays in the beam.
        assert found.score(begin, 2)[1] == first
        assert found.score(found.score(begin, 2)[0], 3)[1] > UNLIKELY

    assert len(found._recent) + len(found._older) <= 100
    assert len(found._by_key) <= 110
