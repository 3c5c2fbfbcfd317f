"""LanguageModelContract passes a model that keeps its promises, and fails one that breaks any."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ds2kit.components import END, LanguageModel
from ds2kit.testing import LanguageModelContract

WORDS = ("a", "b", "c")


class Healthy(LanguageModel):
    """A word that comes again is twice as probable as another."""

    unit = "word"

    def __init__(self, path: Path = Path(), *, unknown: float = 0.05) -> None:
        self.unknown = unknown

    def initial_state(self) -> Any:
        return ()

    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[Hashable]]:
        log_probs = [self.log_prob(s, u) for s, u in zip(states, units, strict=True)]
        return log_probs, [self.following(s, u) for s, u in zip(states, units, strict=True)]

    def share(self, state: Any, unit: str) -> float:
        if not self.knows(unit):
            return self.unknown
        if unit == END:
            return 0.15
        return 0.8 * (2 if (unit,) == state else 1) / (4 if state in [(w,) for w in WORDS] else 3)

    def log_prob(self, state: Any, unit: str) -> float:
        return math.log(self.share(state, unit))

    def following(self, state: Any, unit: str) -> Any:
        return (unit,) if unit in WORDS else ()

    def knows(self, unit: str) -> bool:
        return unit in (*WORDS, END)


class TestHealthy(LanguageModelContract):
    @pytest.fixture
    def vocabulary(self) -> Sequence[str]:
        return WORDS

    @pytest.fixture
    def language_model(self) -> Healthy:
        return Healthy()


class Base10(Healthy):
    def log_prob(self, state: Any, unit: str) -> float:
        return math.log10(self.share(state, unit))


class SumsToMore(Healthy):
    def share(self, state: Any, unit: str) -> float:
        return min(1.0, 1.1 * super().share(state, unit))


class GivesProbabilities(Healthy):
    def log_prob(self, state: Any, unit: str) -> float:
        return self.share(state, unit)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Base10, "natural logarithms, and normalised"),
        (SumsToMore, r"sum to 1.\d+, more than one"),
        (GivesProbabilities, "above 0"),
    ],
)
def test_what_is_no_distribution_fails(kind: type[Healthy], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        LanguageModelContract().test_probabilities(kind(), WORDS)


class HasNoEnd(Healthy):
    """The end of a text is a unit like any other that it has never seen."""

    def knows(self, unit: str) -> bool:
        return unit in WORDS


def test_a_missing_end_fails() -> None:
    with pytest.raises(AssertionError, match=r"knows\('</s>'\) is false"):
        LanguageModelContract().test_knows_its_vocabulary(HasNoEnd(), WORDS)
    with pytest.raises(AssertionError, match="give the model the end of a text"):
        LanguageModelContract().test_the_end_is_predicted(HasNoEnd(), WORDS)


class RulesOutTheUnknown(Healthy):
    def log_prob(self, state: Any, unit: str) -> float:
        return super().log_prob(state, unit) if self.knows(unit) else -math.inf


class GuessesAtTheUnknown(Healthy):
    def share(self, state: Any, unit: str) -> float:
        return super().share(state, unit) / (1 if self.knows(unit) else len(unit))


class RemembersTheUnknown(Healthy):
    def following(self, state: Any, unit: str) -> Any:
        return (unit,)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (RulesOutTheUnknown, "is -inf; it is above -inf"),
        (GuessesAtTheUnknown, "they are the same"),
        (RemembersTheUnknown, "leads to another state than <unk>"),
    ],
)
def test_strange_treatment_of_the_unknown_fails(kind: type[Healthy], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        LanguageModelContract().test_unknown_units(kind(), WORDS)


class LooksAtItsNeighbours(Healthy):
    """Scores a batch by its first state."""

    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[Hashable]]:
        log_probs = [self.log_prob(states[0], unit) for unit in units]
        return log_probs, [self.following(s, u) for s, u in zip(states, units, strict=True)]


class SortsItsBatch(Healthy):
    """Gives the probabilities in another order than it was asked."""

    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[Hashable]]:
        log_probs, following = super().score(states, units)
        return sorted(log_probs), following


@pytest.mark.parametrize("kind", [LooksAtItsNeighbours, SortsItsBatch])
def test_depending_on_the_batch_fails(kind: type[Healthy]) -> None:
    with pytest.raises(AssertionError, match="it depends on its neighbours"):
        LanguageModelContract().test_batches(kind(), WORDS)


class CannotBeAskedNothing(Healthy):
    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[Hashable]]:
        log_probs, following = super().score(states, units)
        return [*log_probs, 0.0][: max(1, len(units))], following


def test_an_answer_without_a_question_fails() -> None:
    with pytest.raises(AssertionError, match="an empty batch gave something"):
        LanguageModelContract().test_an_empty_batch(CannotBeAskedNothing())


class History:
    """A state that grows."""

    def __init__(self) -> None:
        self.units: list[str] = []


class ChangesItsState(Healthy):
    def initial_state(self) -> Any:
        return History()

    def share(self, state: Any, unit: str) -> float:
        return super().share(tuple(state.units[-1:]), unit)

    def following(self, state: Any, unit: str) -> Any:
        state.units.append(unit)
        return state


class StatesAreLists(Healthy):
    def following(self, state: Any, unit: str) -> Any:
        return [unit]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (ChangesItsState, "scoring changed the state"),
        (StatesAreLists, "a list, which cannot be hashed"),
    ],
)
def test_states_that_change_fail(kind: type[Healthy], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        LanguageModelContract().test_states_stay(language_model=kind(), vocabulary=WORDS)


class Forgetful:
    """A state that is equal to every other, whatever it predicts."""

    def __init__(self, unit: str) -> None:
        self.unit = unit

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class JoinsTooMuch(Healthy):
    def initial_state(self) -> Any:
        return Forgetful("")

    def share(self, state: Any, unit: str) -> float:
        return super().share((state.unit,), unit)

    def following(self, state: Any, unit: str) -> Any:
        return Forgetful(state.unit or unit)


def test_equal_states_that_differ_fail() -> None:
    with pytest.raises(AssertionError, match="equal states predict something else"):
        LanguageModelContract().test_equal_states_predict_the_same(
            language_model=JoinsTooMuch(), vocabulary=WORDS
        )


class CountsSyllables(Healthy):
    unit = "syllable"  # type: ignore[assignment]


def test_an_unknown_unit_fails() -> None:
    with pytest.raises(AssertionError, match="expected word, character or token"):
        LanguageModelContract().test_says_what_it_counts(CountsSyllables())
