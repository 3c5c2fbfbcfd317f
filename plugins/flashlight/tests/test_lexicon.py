"""The words that may be heard: of a file, of a language model, and hot words beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ds2kit_flashlight.lexicon import lexicon_for, separator, spelled

from ds2kit.errors import UserError
from ds2kit.text.char import Char

LETTERS = Char(list(" abc"), lowercase=True)


def test_words_of_a_file_and_hot_words(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.tsv"
    path.write_text("ab\ta b\nAB\ta b\n")

    found = lexicon_for(LETTERS, None, path, ["ab", "cab", "ba cab"], any_word=False)

    assert found == {"ab": ((2, 3),), "AB": ((2, 3),), "ba": ([3, 2],), "cab": ([4, 2, 3],)}


def test_words_of_a_language_model() -> None:
    """As the tokenizer spells them, those that it can."""
    found = spelled(("ab", "Cab", "dab", "a b", "c"), LETTERS)

    assert found == {"ab": ([2, 3],), "Cab": ([4, 2, 3],), "c": ([4],)}


def test_a_file_is_not_widened_by_the_language_model(literal: Any, tmp_path: Path) -> None:
    path = tmp_path / "lexicon.tsv"
    path.write_text("ab\ta b\n")
    model = literal.Toy("word", ("ab", "ba"))

    assert lexicon_for(LETTERS, model, path, [], any_word=False) == {"ab": ((2, 3),)}
    assert set(lexicon_for(LETTERS, model, None, [], any_word=False) or ()) == {"ab", "ba"}


def test_any_word(literal: Any, tmp_path: Path) -> None:
    """Only a language model of words knows what is unknown, and a lexicon forbids it."""
    model, letters = literal.Toy("word", ("ab",)), literal.Toy("character", "ab")

    assert lexicon_for(LETTERS, model, None, [], any_word=True) is None
    assert lexicon_for(LETTERS, letters, None, [], any_word=False) is None
    for language_model, path in ((None, None), (letters, None), (model, tmp_path / "lexicon.tsv")):
        with pytest.raises(UserError, match="give such a language_model, and no lexicon"):
            lexicon_for(LETTERS, language_model, path, [], any_word=True)


def test_the_token_between_words(literal: Any) -> None:
    assert separator(LETTERS) == 1
    assert separator(Char(list("今天"))) is None
    # A space of its own says nothing where other tokens have one inside.
    assert separator(literal.Pieces([" ", " a", "a"])) is None
