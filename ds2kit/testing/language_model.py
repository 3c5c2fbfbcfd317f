"""The contracts of every language model."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.components import END, UNKNOWN, LanguageModel
from ds2kit.testing.options import check_options
from ds2kit.testing.seeding import DRAWN

SLACK = 1e-4
"""How far above one probabilities of a file with rounded figures may sum."""

TOLERANCE = 1e-6

STRANGE_UNITS = ("ǂɘΩ", "ж")
"""Units that hardly any model knows, a long one and one of one character."""

HISTORIES = 20
"""Texts after which predictions are compared."""


class LanguageModelContract:
    """Subclass it and give the fixtures `language_model`, and `vocabulary`, units that it knows.

    A hundred units will do, END not among them.
    """

    @pytest.fixture
    def language_model(self) -> LanguageModel:
        raise NotImplementedError(
            "give the contract your language model: define the fixture `language_model`"
        )

    @pytest.fixture
    def vocabulary(self) -> Sequence[str]:
        raise NotImplementedError(
            "give the contract units that the model knows: define the fixture `vocabulary`"
        )

    def test_takes_its_options_by_keyword(self, language_model: LanguageModel) -> None:
        """The constructor takes the path of a file, and keyword-only annotated options."""
        check_options(type(language_model), ("path",))

    def test_says_what_it_counts(self, language_model: LanguageModel) -> None:
        """`unit` is word, character or token: decoders cut a text by it."""
        assert language_model.unit in ("word", "character", "token"), (
            f"unit is {language_model.unit!r}; expected word, character or token"
        )

    def test_knows_its_vocabulary(
        self, language_model: LanguageModel, vocabulary: Sequence[str]
    ) -> None:
        """`knows` is true of every unit of the vocabulary, and of END."""
        assert vocabulary, "the fixture `vocabulary` is empty"
        assert END not in vocabulary, f"the fixture `vocabulary` holds {END}"
        for unit in [*vocabulary, END]:
            assert language_model.knows(unit), f"knows({unit!r}) is false"

    def test_probabilities(self, language_model: LanguageModel, vocabulary: Sequence[str]) -> None:
        """Natural logarithms, finite, that sum over vocabulary and END to at most one.

        Base-10 logarithms, taken for natural ones, sum to more.
        """
        for history, state in _histories(language_model, vocabulary):
            units = [*dict.fromkeys(vocabulary), END]
            log_probs = _score(language_model, [state] * len(units), units)[0]
            for unit, log_prob in zip(units, log_probs, strict=True):
                assert log_prob <= SLACK, (
                    f"ln P({unit} | {history}) is {log_prob}, above 0: a natural logarithm of a "
                    "probability is not"
                )
            total = math.fsum(map(math.exp, log_probs))
            assert total <= 1 + SLACK, (
                f"the probabilities after {history} sum to {total:.4f}, more than one: are they "
                "natural logarithms, and normalised?"
            )

    def test_the_end_is_predicted(
        self, language_model: LanguageModel, vocabulary: Sequence[str]
    ) -> None:
        """END has a probability of its own: a decoder counts the end of a text."""
        states = [state for _, state in _histories(language_model, vocabulary)]
        ends, _ = _score(language_model, states, [END] * len(states))
        unknown, _ = _score(language_model, states, [UNKNOWN] * len(states))
        assert ends != unknown, (
            f"{END} has the probability of {UNKNOWN} after everything: give the model the end of "
            "a text"
        )

    def test_unknown_units(self, language_model: LanguageModel, vocabulary: Sequence[str]) -> None:
        """A unit that the model does not know is UNKNOWN to it, with a probability above zero.

        With zero, one foreign name would rule out the whole sentence.
        """
        for history, state in _histories(language_model, vocabulary):
            for strange in STRANGE_UNITS:
                units = [strange, UNKNOWN]
                log_probs, states = _score(language_model, [state] * 2, units)
                if not language_model.knows(strange):
                    assert math.isclose(log_probs[0], log_probs[1], abs_tol=TOLERANCE), (
                        f"{strange!r}, which is not known, has ln P {log_probs[0]} after {history} "
                        f"and {UNKNOWN} has {log_probs[1]}: they are the same"
                    )
                    assert states[0] == states[1], (
                        f"{strange!r}, which is not known, leads to another state than {UNKNOWN}"
                    )

    def test_batches(self, language_model: LanguageModel, vocabulary: Sequence[str]) -> None:
        """Alone or in a batch of any order, the same probability and the same next state."""
        histories = list(_histories(language_model, vocabulary))
        pairs = [(state, unit) for _, state in histories for unit in [*vocabulary[:5], END]]
        alone = [_score(language_model, [state], [unit]) for state, unit in pairs]
        order = list(range(len(pairs)))
        random.Random(0).shuffle(order)
        batch = [pairs[i] for i in order]
        log_probs, states = _score(language_model, [s for s, _ in batch], [u for _, u in batch])
        for place, i in enumerate(order):
            (alone_log_prob,), (alone_state,) = alone[i]
            assert math.isclose(log_probs[place], alone_log_prob, abs_tol=TOLERANCE), (
                f"ln P of {pairs[i][1]!r} is {alone_log_prob} alone and {log_probs[place]} in a "
                "batch: it depends on its neighbours"
            )
            assert states[place] == alone_state, (
                f"the state after {pairs[i][1]!r} is another in a batch than alone"
            )

    def test_an_empty_batch(self, language_model: LanguageModel) -> None:
        """No states and no units give no probabilities and no states."""
        log_probs, states = language_model.score([], [])
        assert len(log_probs) == len(states) == 0, "an empty batch gave something"

    @DRAWN
    @given(data=st.data())
    def test_states_stay(
        self, language_model: LanguageModel, vocabulary: Sequence[str], data: st.DataObject
    ) -> None:
        """A state can be used again: scoring changes neither it nor what it predicts."""
        units = data.draw(st.lists(st.sampled_from([*vocabulary, *STRANGE_UNITS]), max_size=6))
        state = language_model.initial_state()
        for unit in units:
            before = hash(state)
            (log_prob,), (following,) = _score(language_model, [state], [unit])
            _score(language_model, [following] * 2, [END, unit])
            (again,), (same,) = _score(language_model, [state], [unit])
            assert hash(state) == before, f"scoring {unit!r} changed the state: make a new one"
            assert again == log_prob, (
                f"ln P of {unit!r} after the same state was {log_prob}, then {again}: scoring "
                "changed the state, or the model"
            )
            assert same == following, f"the state after {unit!r} is another the second time"
            state = following

    @DRAWN
    @given(data=st.data())
    def test_equal_states_predict_the_same(
        self, language_model: LanguageModel, vocabulary: Sequence[str], data: st.DataObject
    ) -> None:
        """Where two histories lead to equal states, everything after them is the same.

        A search joins what leads to equal states, and keeps the better one only.
        """
        units = data.draw(st.lists(st.sampled_from(list(vocabulary)), min_size=1, max_size=4))
        begins = data.draw(st.lists(st.sampled_from(list(vocabulary)), min_size=2, max_size=2))
        first, second = (_state_after(language_model, [begin, *units]) for begin in begins)
        if first == second:
            assert hash(first) == hash(second), "two states are equal, their hashes are not"
            asked = [*vocabulary[:20], END]
            for state in (first, second):
                log_probs, _ = _score(language_model, [state] * len(asked), asked)
                expected, _ = _score(language_model, [first] * len(asked), asked)
                assert log_probs == expected, "equal states predict something else"


def _score(
    model: LanguageModel, states: Sequence[Hashable], units: Sequence[str]
) -> tuple[list[float], list[Hashable]]:
    """`score`, each of its results checked by itself."""
    log_probs, following = model.score(states, units)
    assert len(log_probs) == len(following) == len(units), (
        f"score of {len(units)} units gave {len(log_probs)} probabilities and {len(following)} "
        "states"
    )
    for unit, log_prob, state in zip(units, log_probs, following, strict=True):
        assert isinstance(log_prob, float), f"ln P of {unit!r} is a {type(log_prob).__name__}"
        assert math.isfinite(log_prob), f"ln P of {unit!r} is {log_prob}; it is above -inf"
        assert isinstance(state, Hashable), (
            f"a state is a {type(state).__name__}, which cannot be hashed: use a tuple or a number"
        )
    return list(log_probs), list(following)


def _state_after(model: LanguageModel, units: Sequence[str]) -> Hashable:
    state = model.initial_state()
    for unit in units:
        _, (state,) = _score(model, [state], [unit])
    return state


def _histories(
    model: LanguageModel, vocabulary: Sequence[str]
) -> Iterator[tuple[list[str], Hashable]]:
    """Texts of up to five units, the empty one first, each with the state after it."""
    draw = random.Random(0)
    yield [], model.initial_state()
    for length in range(1, HISTORIES):
        units = draw.choices([*vocabulary, STRANGE_UNITS[0]], k=1 + length % 5)
        yield units, _state_after(model, units)
