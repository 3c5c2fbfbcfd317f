"""Lexicons: which words, and how they are spelled."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from ds2kit.errors import UserError
from ds2kit.lm.arpa import write_arpa
from ds2kit.lm.counts import number
from ds2kit.lm.kneser_ney import estimate
from ds2kit.lm.lexicon import make_lexicon, vocabulary
from ds2kit.text.char import Char
from ds2kit.text.normalise import plain, prepared


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress("b b a c\nB naïve a b\n".encode()))
    return path


def arpa(path: Path, sentences: Sequence[str], unit: str = "word") -> Path:
    write_arpa(path, estimate(number([s.split() for s in sentences]), 2, unit).model)  # type: ignore[arg-type]
    return path


def test_words_of_a_text(text: Path) -> None:
    assert vocabulary([text], prepared, None) == ["b", "a", "B", "c", "naïve"]
    assert vocabulary([text], prepared, 2) == ["b", "a"]
    assert vocabulary([text], plain, 2) == ["b", "a"]
    assert vocabulary([text, text], plain, None) == ["b", "a", "c", "naïve"]


def test_words_of_an_arpa_file(text: Path, tmp_path: Path) -> None:
    path = arpa(tmp_path / "lm.arpa.gz", ["a b", "c b", "d b a"])

    assert set(vocabulary([path], prepared, None)) == {"a", "b", "c", "d"}
    assert vocabulary([path], prepared, 1) == ["b"]  # three units precede it
    assert vocabulary([text, path], prepared, 1) == ["b"]
    assert vocabulary([text, path], prepared, None)[-1] == "naïve"


def test_tokens_are_no_words(tmp_path: Path) -> None:
    path = arpa(tmp_path / "lm.arpa", ["a b"], "token")

    with pytest.raises(UserError, match="is a model of tokens; a lexicon wants one of words"):
        vocabulary([path], prepared, None)


def test_no_words(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("\n \n")

    with pytest.raises(UserError, match="there is no word in"):
        vocabulary([tmp_path / "text"], prepared, None)


class Pairs(Char):
    """Spells a word with a space in front, as pieces of sentences are."""

    def encode(self, text: str) -> list[int]:
        return super().encode(text) and [1, *super().encode(text)]


def test_spelling() -> None:
    lexicon = make_lexicon(["ab", "z", "ba", "aé"], Char.learn(["a b"]))

    assert lexicon.lines == ("ab\ta b\n", "ba\tb a\n")
    assert lexicon.foreign == {"z": "z", "aé": "é"}


def test_a_space_in_a_token_is_written() -> None:
    assert Pairs.learn(["a b"]).tokens[1] == " "
    assert make_lexicon(["ab"], Pairs.learn(["a b"])).lines == ("ab\t▁ a b\n",)


def test_a_word_of_nothing_is_foreign() -> None:
    class Drops(Char):
        def encode(self, text: str) -> list[int]:
            return []

    assert make_lexicon(["a"], Drops.learn(["a"])).foreign == {"a": "a"}
