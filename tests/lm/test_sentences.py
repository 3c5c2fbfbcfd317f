"""Texts as sentences of units, and what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from ds2kit.lm.sentences import Sentences
from ds2kit.lm.without import Forbidden
from ds2kit.text.char import Char
from ds2kit.text.normalise import plain, prepared


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text"
    path.write_text("a b, a\n\nb a b a b a\nz Z y\n", encoding="utf-8")
    return path


def test_sentences_of_words(text: Path) -> None:
    sentences = Sentences([text], "word", plain)

    assert list(sentences) == [["a", "b", "a"], list("bababa"), ["z", "z", "y"]]
    assert (sentences.shared, sentences.foreign) == (0, 0)


def test_shared_lines_are_counted_once_each_time(text: Path) -> None:
    sentences = Sentences([text], "word", prepared, forbidden=Forbidden(["a b a b a b a"], "word"))

    for _ in range(2):
        assert len(list(sentences)) == 2
        assert sentences.shared == 1


def test_what_a_tokenizer_cannot_write_is_counted_and_named(text: Path) -> None:
    sentences = Sentences([text], "token", prepared, tokenizer=Char.learn(["a, b"]))

    assert [len(units) for units in sentences] == [6, 11]
    assert (sentences.foreign, list(sentences.symbols)) == (1, ["z", "Z", "y"])
