"""`ds2kit lexicon`: spelled words for a decoder, by the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text"
    path.write_text("ab a ba\nab naïve ab\nx a\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("source", ["", "model", "model/tokenizer.json"])
def test_words_of_a_text(
    ds2kit: Callable[..., Any], tiny_experiment: Path, text: Path, tmp_path: Path, source: str
) -> None:
    path = tmp_path / "lexicon.txt"

    ran = ds2kit("lexicon", tiny_experiment / source, text, "--output", path)

    assert (ran.status, ran.out) == (0, f"{path}\n"), ran.err
    assert path.read_text(encoding="utf-8") == "ab\ta b\na\ta\nba\tb a\n"
    assert "words that the tokenizer cannot write: 2, naïve ('n'), x ('x')\n3 words\n" in ran.err


def test_words_of_a_language_model(
    ds2kit: Callable[..., Any], tiny_experiment: Path, text: Path, tmp_path: Path
) -> None:
    ds2kit("lm", text, "--output", tmp_path / "lm.arpa.gz")
    path = tmp_path / "lexicon.txt"

    model = (tiny_experiment, tmp_path / "lm.arpa.gz")
    ran = ds2kit("lexicon", *model, "--output", path, "--size", 2)

    assert ran.status == 0, ran.err
    assert sorted(path.read_text().split("\n")) == ["", "a\ta", "ab\ta b"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["EXP", "none"],
            "no word is left: words that the tokenizer cannot write: 1, zz ('z'); take",
        ),
        (["EXP", "empty"], "there is no word in"),
        (["EXP", "nowhere"], "nowhere is not there"),
        (["EXP", "text", "--output", "nowhere/lexicon.txt"], "nowhere is no folder; make it"),
        (["EXP", "text", "--output", "."], ". is a folder; name a file"),
        (["nowhere", "text"], "nowhere is not there; expected a model's folder"),
        ([".", "text"], "tokenizer.json is not there; expected a model's folder"),
        (["text", "text"], "text is damaged; expected the JSON"),
    ],
)
def test_bad_input_is_told_in_a_line(
    ds2kit: Callable[..., Any],
    tiny_experiment: Path,
    text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none").write_text("zz\n")
    (tmp_path / "empty").write_text("\n")
    before = sorted(tmp_path.iterdir())
    output = [] if "--output" in arguments else ["--output", "lexicon.txt"]

    ran = ds2kit("lexicon", *(tiny_experiment if a == "EXP" else a for a in arguments), *output)

    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert told in ran.err
    assert sorted(tmp_path.iterdir()) == before
