"""Why a language model does not help: each thing that is wrong is told of, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ds2kit.components import END, LanguageModel
from ds2kit.decoding.diagnosis import Coverage, Evidence, coverage, lexicon_words, units
from ds2kit.text.char import Char

TEXTS = ["one two", "two two three", ""]
SAID = ["one", "two", "three"]


class Words(LanguageModel):
    """The same probability for each word and the end."""

    unit = "word"

    def __init__(self, words: Sequence[str], logarithm: Any = math.log) -> None:
        self.words, self.logarithm = set(words), logarithm

    def initial_state(self) -> Hashable:
        return ()

    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[Hashable]]:
        assert set(units) <= self.words | {END}
        return [self.logarithm(1 / (len(self.words) + 1))] * len(units), list(states)

    def knows(self, unit: str) -> bool:
        return unit in self.words


class LogProbs(dict[str, np.ndarray]):
    """Frames in which this share is the blank's."""

    def __init__(self, blank: float) -> None:
        frames = np.zeros((100, 5), np.float32)
        frames[: round(100 * blank), 0] = 1.0
        frames[round(100 * blank) :, 2] = 1.0
        super().__init__(a=frames)

    @property
    def keys(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("a",)


def evidence(
    language_model: LanguageModel,
    lexicon: dict[str, list[str]] | None = None,
    blank: float = 0.6,
    texts: Sequence[str] = TEXTS,
) -> Evidence:
    tokenizer = Char.learn(SAID)
    return Evidence(texts, tokenizer, language_model, lexicon, LogProbs(blank))  # type: ignore[arg-type]


def told(found: Evidence, *, search_is_worse: bool = False) -> str:
    return "\n".join(found.reasons(search_is_worse=search_is_worse))


def test_nothing_is_wrong() -> None:
    lexicon = {word: [word] for word in SAID}

    assert told(evidence(Words(SAID))) == ""
    assert told(evidence(Words(SAID), lexicon)) == ""


def test_a_search_that_is_worse_by_itself() -> None:
    assert "look at lexicon, beam, top_p and top_k" in told(
        evidence(Words(SAID)), search_is_worse=True
    )


def test_words_that_the_language_model_does_not_know() -> None:
    reason = told(evidence(Words(["one", "three"])))

    assert "the language model knows 40.0 % of 5 words that were said (not two)" in reason
    assert "case" not in reason.replace("in the case", "")


def test_a_language_model_in_another_case() -> None:
    reason = told(evidence(Words(["ONE", "TWO", "THREE"])))

    assert "knows 0.0 % of 5 words" in reason
    assert "5 of the unknown it knows in upper or lower case" in reason


def test_a_lexicon_may_write_words_in_another_case() -> None:
    """`TWO` spelled `t w o`: the language model is asked for what the lexicon says."""
    lexicon = {"one": ["ONE"], "two": ["TWO", "TO"], "three": ["THREE"]}

    assert told(evidence(Words(["ONE", "TWO", "THREE"]), lexicon)) == ""


def test_a_lexicon_that_lacks_words() -> None:
    reason = told(evidence(Words(SAID), {"two": ["two"]}))

    assert "the lexicon has 60.0 % of 5 words, and what it lacks cannot be heard" in reason
    assert "(such as one, three)" in reason


def test_base_ten_logarithms() -> None:
    """1000 words of the same probability: as natural logarithms those are 0.05 each."""
    many = [f"w{i}" for i in range(999)]
    reason = told(evidence(Words(many, math.log10), texts=[" ".join(many)]))

    assert "the probabilities of 1,000 beginnings of a text sum to" in reason
    assert "(as base-10 logarithms they would not)" in reason
    assert told(evidence(Words(many), texts=[" ".join(many)])) == ""


def test_a_network_without_blanks() -> None:
    reason = told(evidence(Words(SAID), blank=0.02))

    assert "thinks of the blank first in 2.0 % of the frames" in reason


@pytest.mark.parametrize(
    ("unit", "text", "found"),
    [
        ("word", "one  two ", ["one", "two"]),
        ("character", "no w", ["n", "o", "w"]),
        ("character", "今天", ["今", "天"]),
        ("token", "o n", ["o", "▁", "n"]),
        ("token", "o # n", []),
    ],
)
def test_units(unit: Any, text: str, found: list[str]) -> None:
    assert units(text, unit, Char.learn(["one two now"])) == found


def test_coverage_counts_every_unit() -> None:
    found = coverage(TEXTS, "word", Char.learn(SAID), {"two"}.__contains__)

    assert found == Coverage("word", 5, 3, ("one", "three"), 0)
    assert (found.share, str(found)) == (0.6, "60.0 % of 5 words")
    assert coverage([], "word", Char.learn(SAID), {"two"}.__contains__).share == 1.0


def test_words_of_a_lexicon(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text("ONE\to n e\none\to n e\ntwo\tt w o\n\n", encoding="utf-8")

    found = lexicon_words(path, Char.learn(["one two"], lowercase=True))

    assert found == {"one": ["ONE", "one"], "two": ["two"]}
