"""Lexicons: of files, and of vocabularies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ds2kit_flashlight.lexicon import lexicon_at, lexicon_of, separator

from ds2kit.errors import UserError
from ds2kit.text.char import Char

LETTERS = Char(list(" abc"), lowercase=True)


def written(folder: Path, text: str) -> Path:
    path = folder / "lexicon.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_words_and_their_spellings(tmp_path: Path, literal: Any) -> None:
    path = written(tmp_path, "ab\t▁ab\nba\t▁b a\n\nab\t▁a b\n")
    lexicon = lexicon_at(path, literal.Pieces([" ab", " b", " a", "a", "b"]))

    assert lexicon.words == ("ab", "ba")
    assert lexicon.spellings == (((1,), (3, 5)), ((2, 4),))


def test_spaces_at_the_ends_of_a_spelling_are_left_out(tmp_path: Path) -> None:
    lexicon = lexicon_at(written(tmp_path, "ab\ta b ▁\nAB\t▁ a b\n"), LETTERS)

    assert lexicon.words == ("ab", "AB")
    assert lexicon.spellings == (((2, 3),), ((2, 3),))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ab\ta d", "line 2: 'd', of 'ab', is no token of the tokenizer"),
        ("ab a b", r"line 2: 'ab a b'; expected word<TAB>token"),
        ("a b\ta b", r"line 2: .*; expected word<TAB>token"),
        ("ab\tb a", "line 2: 'ab' is spelled 'b a', which reads 'ba'"),
        ("ab\t▁", "line 2: 'ab' is spelled '▁', which reads ''"),
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = written(tmp_path, f"a\ta\n{line}\n")

    with pytest.raises(UserError, match=said) as refused:
        lexicon_at(path, LETTERS)

    assert str(path) in str(refused.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no word"):
        lexicon_at(written(tmp_path, "\n"), LETTERS)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        lexicon_at(tmp_path / "absent", LETTERS)
    (tmp_path / "latin").write_bytes("\xe9\te\n".encode("latin-1"))
    with pytest.raises(UserError, match="is no UTF-8 text"):
        lexicon_at(tmp_path / "latin", LETTERS)


def test_a_vocabulary_is_spelled_by_the_tokenizer() -> None:
    lexicon = lexicon_of(("ab", "Cab", "dab", "a b", "c"), LETTERS)

    assert lexicon.words == ("ab", "Cab", "c")
    assert lexicon.spellings == (((2, 3),), ((4, 2, 3),), ((4,),))
    assert lexicon.left_out == 2


def test_more_words() -> None:
    lexicon = lexicon_of(("ab", "dab"), LETTERS).with_words(["ab", "cab", "cab"], LETTERS)

    assert lexicon.words == ("ab", "cab")
    assert lexicon.left_out == 1
    with pytest.raises(UserError):
        lexicon.with_words(["dab"], LETTERS)


def test_the_token_between_words(literal: Any) -> None:
    assert separator(LETTERS) == 1
    assert separator(Char(list("今天"))) is None
    # A space of its own says nothing where other tokens have one inside.
    assert separator(literal.Pieces([" ", " a", "a"])) is None
