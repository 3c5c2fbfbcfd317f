"""The n-gram model: ARPA's definition, KenLM's answers, the contract."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.components import END, START, UNKNOWN
from ds2kit.errors import UserError
from ds2kit.lm.arpa import write_arpa
from ds2kit.lm.counts import number
from ds2kit.lm.kneser_ney import estimate
from ds2kit.lm.ngram import NGram
from ds2kit.lm.ngrams import LN_10
from ds2kit.testing import LanguageModelContract

SENTENCES = [
    "the cat sat on the mat",
    "the dog sat on the cat",
    "a dog and a cat",
    "the mat sat",
]

UNITS = ["a", "b", "c"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "lm.arpa.gz"
    write_arpa(path, estimate(number([s.split() for s in SENTENCES]), 4, "word").model)
    return path


class TestContract(LanguageModelContract):
    @pytest.fixture
    def vocabulary(self) -> Sequence[str]:
        return sorted({word for sentence in SENTENCES for word in sentence.split()})

    @pytest.fixture
    def language_model(self, path: Path) -> NGram:
        return NGram(path)


@st.composite
def arpa_files(draw: st.DrawFn) -> str:
    """Any back-off model: contexts are there, and suffixes need not be, as after pruning."""
    order = draw(st.integers(1, 4))
    figure = st.floats(-3, 0).map(lambda x: round(x, 3))
    weight = st.none() | st.floats(-2, 1).map(lambda x: round(x, 3)) | st.just(0.0)
    units = [START, END, *UNITS, *draw(st.sampled_from([[], [UNKNOWN]]))]
    levels = [[(unit,) for unit in units]]
    for _ in range(order - 1):
        longer = [(*c, u) for c in levels[-1] if c[-1] != END for u in units if u != START]
        few = st.lists(st.sampled_from(longer), unique=True, max_size=12) if longer else st.just([])
        levels.append(draw(few))
    lines = ["\\data\\", *(f"ngram {n}={len(level)}" for n, level in enumerate(levels, 1))]
    for length, level in enumerate(levels, 1):
        lines.append(f"\n\\{length}-grams:")
        for ngram in level:
            backoff = draw(weight) if length < order else None
            ending = "" if backoff is None else f"\t{backoff}"
            lines.append(f"{draw(figure)}\t{' '.join(ngram)}{ending}")
    return "\n".join([*lines, "\n\\end\\", ""])


@settings(max_examples=30)
@given(arpa_files(), st.lists(st.sampled_from([*UNITS, "strange"]), max_size=6))
def test_it_is_what_arpa_defines(
    literal: ModuleType, tmp_path_factory: pytest.TempPathFactory, text: str, history: list[str]
) -> None:
    """Every unit after a history of any length, by a state that was trimmed at each unit."""
    path = tmp_path_factory.mktemp("arpa") / "lm.arpa"
    path.write_text(text, encoding="utf-8")
    model, oracle = NGram(path), literal.Arpa(text)
    asked = [*UNITS, END, "strange"]

    state = model.initial_state()
    for length in range(len(history) + 1):
        before = (START, *(u if u in UNITS else UNKNOWN for u in history[:length]))
        log_probs, following = model.score([state] * len(asked), asked)
        named = [unit if unit in (*UNITS, END) else UNKNOWN for unit in asked]
        expected = [oracle.log_prob(unit, before) * LN_10 for unit in named]
        assert log_probs == pytest.approx(expected, abs=1e-4), (before, asked)
        if length < len(history):
            state = following[asked.index(history[length])]


def test_equal_predictions_share_a_state(path: Path) -> None:
    """A history that the model does not distinguish further than its last word."""
    model = NGram(path)

    def after(words: str) -> int:
        state = model.initial_state()
        for word in words.split():
            _, (state,) = model.score([state], [word])
        return state

    assert after("the cat a dog") == after("mat a dog") != after("dog")
    assert after("the strange") == after("strange") == 0
    assert after("on the cat") != after("the cat")  # "on the cat </s>" was seen


def test_a_model_of_single_units_has_one_state(tmp_path: Path) -> None:
    write_arpa(tmp_path / "lm.arpa", estimate(number([["a", "b"]]), 1, "word").model)
    model = NGram(tmp_path / "lm.arpa")

    assert model.initial_state() == 0
    assert model.score([0] * 3, ["a", "b", "c"])[1] == [0, 0, 0]


def test_it_knows_its_units(path: Path) -> None:
    model = NGram(path)

    assert [model.knows(u) for u in ("cat", END, UNKNOWN, START, "cats")] == [True, True] + 3 * [
        False
    ]
    assert (model.order, model.path) == (4, path)


@pytest.mark.parametrize(
    ("first", "sentence", "unit"),
    [
        ("", ["今", "天"], "character"),
        ("", ["今天"], "word"),
        ("# ds2kit unit=token\n", ["今", "天"], "token"),
        ("# ds2kit unit=word\n", ["a"], "word"),
        ("# made elsewhere\n", ["a", "b"], "character"),
    ],
)
def test_the_unit_is_said_or_guessed(
    first: str, sentence: list[str], unit: str, tmp_path: Path
) -> None:
    path = tmp_path / "lm.arpa"
    write_arpa(path, estimate(number([sentence]), 2, "word").model)
    _, _, rest = path.read_text(encoding="utf-8").partition("\n")
    path.write_text(first + rest, encoding="utf-8")

    assert NGram(path).unit == unit


@pytest.mark.parametrize(
    ("first", "asked", "told"),
    [
        ("# ds2kit unit=word\n", "character", "is a model of words; expected one of characters"),
        ("", "character", "is no model of characters: it has the unit 'aa'"),
    ],
)
def test_a_model_of_another_unit(
    first: str, asked: Literal["character"], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "lm.arpa"
    write_arpa(path, estimate(number([["aa"]]), 2, "word").model)
    _, _, rest = path.read_text(encoding="utf-8").partition("\n")
    path.write_text(first + rest, encoding="utf-8")

    with pytest.raises(UserError, match=told):
        NGram(path, unit=asked)


def test_a_model_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    path.write_text("\\data\\\nngram 1=1\n\n\\1-grams:\n-1 a\n\n\\end\\\n")

    with pytest.raises(UserError, match="has no </s>, the end of a sentence"):
        NGram(path)


@pytest.mark.parametrize("order", [2, 3, 5])
def test_kenlm_says_the_same(order: int, tmp_path: Path) -> None:
    """flashlight-text's KenLM reads our files, first line included, and agrees on every word."""
    kenlm = pytest.importorskip("flashlight.lib.text.decoder.kenlm")
    dictionaries = pytest.importorskip("flashlight.lib.text.dictionary")
    path = tmp_path / "lm.arpa.gz"
    write_arpa(path, estimate(number([s.split() for s in SENTENCES]), order, "word").model)
    model = NGram(path)
    words = [*sorted({w for s in SENTENCES for w in s.split()}), "strange"]
    dictionary = dictionaries.Dictionary([*words, UNKNOWN])
    theirs = kenlm.KenLM(str(path), dictionary)

    for sentence in [*SENTENCES, "cat strange the the", "strange", "on on the dog sat a"]:
        theirs_at, ours_at = theirs.start(False), model.initial_state()
        for word in sentence.split():
            theirs_at, log10 = theirs.score(theirs_at, dictionary.get_index(word))
            (log_prob,), (ours_at,) = model.score([ours_at], [word])
            assert log_prob == pytest.approx(log10 * math.log(10), abs=1e-4), (sentence, word)
        _, log10 = theirs.finish(theirs_at)
        assert model.score([ours_at], [END])[0] == pytest.approx([log10 * math.log(10)], abs=1e-4)
