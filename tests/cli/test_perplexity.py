"""`ds2kit perplexity`: what a text costs a model, by the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ARPA = """\\data\\
ngram 1=4
ngram 2=1

\\1-grams:
-1\t<unk>
-99\t<s>\t-0.5
-0.5\t</s>
-0.25\ta

\\2-grams:
-0.125\t<s> a

\\end\\
"""


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "lm.arpa"
    path.write_text(ARPA)
    return path


def test_by_hand(ds2kit: Callable[..., Any], arpa: Path, tmp_path: Path) -> None:
    """`a B`: <s> a, B unknown, the end; `b`: <s> and its back-off, unknown, the end."""
    (tmp_path / "text").write_text("a B\n\nb\n")

    ran = ds2kit("perplexity", arpa, tmp_path / "text", "--unit", "word", "--json")

    found = json.loads(ran.out)
    log10 = -(0.125 + 1 + 0.5) - (0.5 + 1 + 0.5)
    known = -(0.125 + 0.5) - 0.5
    assert found["perplexity"] == pytest.approx(10 ** (-log10 / 5))
    assert found["known_perplexity"] == pytest.approx(10 ** (-known / 3))
    assert found["log_prob"] == pytest.approx(log10 * math.log(10))
    expected = {"sentences": 2, "units": 3, "unknown": 2, "order": 2, "unit": "word"}
    assert {name: found[name] for name in expected} == expected
    assert found["unknown_rate"] == pytest.approx(2 / 3)


def test_a_table_for_people(ds2kit: Callable[..., Any], arpa: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("A a, b\n")

    ran = ds2kit("perplexity", arpa, tmp_path / "text", "--normaliser", "plain")

    lines = dict(line.rsplit("  ", 1) for line in ran.out.splitlines())
    figures = {name.strip(): figure.strip() for name, figure in lines.items()}
    assert figures["characters"] == "3"  # every unit of the model is one
    assert figures["unknown characters"] == "1 (33.33%)"
    assert figures["perplexity"] == f"{10 ** ((0.125 + 0.25 + 1 + 0.5) / 4):.2f}"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["text", "--unit", "token"], "is a model of tokens; --tokenizer belongs to a model of"),
        (["text", "--tokenizer", "text"], "--tokenizer belongs to a model of tokens, and only"),
        (["empty"], "the text holds no sentence"),
        (["lm.arpa", "nowhere"], "nowhere is not there"),
        (["text", "--normaliser", "plan"], "did you mean 'plain'"),
    ],
)
def test_bad_input_is_told_in_a_line(
    ds2kit: Callable[..., Any],
    arpa: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("a\n")
    (tmp_path / "empty").write_text("")

    ran = ds2kit("perplexity", "lm.arpa", *arguments)

    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert told in ran.err


def test_a_cut_model_is_told_in_a_line(
    ds2kit: Callable[..., Any], arpa: Path, tmp_path: Path
) -> None:
    arpa.write_text(ARPA[:-8])

    ran = ds2kit("perplexity", arpa, arpa)

    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert "lm.arpa, line 12: the file ends before the end; it is cut" in ran.err


def test_tokens_of_a_model(
    ds2kit: Callable[..., Any], tiny_experiment: Path, tmp_path: Path
) -> None:
    """A model of tokens, made and measured with the same tokenizer."""
    (tmp_path / "text").write_text("a b\nb a\n")
    (tmp_path / "other").write_text("b a\né\n")
    tokenizer = ("--tokenizer", tiny_experiment / "model")
    made = ("--unit", "token", "--output", tmp_path / "lm.arpa", *tokenizer)
    assert ds2kit("lm", tmp_path / "text", *made).status == 0

    ran = ds2kit("perplexity", tmp_path / "lm.arpa", tmp_path / "other", "--json", *tokenizer)

    found = json.loads(ran.out)
    assert (found["unit"], found["units"], found["unknown"]) == ("token", 3, 0)
    assert (found["sentences"], found["foreign_lines"]) == (1, 1)
    assert "cannot write: 1 ('é')" in ran.err
