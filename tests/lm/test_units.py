"""What a language model counts in a text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.errors import UserError
from ds2kit.lm.units import units_of, written
from ds2kit.text.char import Char


def test_words_are_runs_without_white_space() -> None:
    assert units_of(" it's  a\u3000test\t", "word") == ["it's", "a", "test"]


def test_characters_are_code_points_but_white_space() -> None:
    assert units_of("今天 a\u0301\u3000!", "character") == ["今", "天", "a", "\u0301", "!"]


def test_tokens_are_written_without_spaces() -> None:
    tokenizer = Char.learn(["a b"])

    assert units_of("ab  a", "token", tokenizer) == ["a", "b", "▁", "a"]
    assert written(" the") == "▁the"


def test_a_token_model_wants_its_tokenizer() -> None:
    with pytest.raises(UserError, match="wants the tokenizer"):
        units_of("a", "token")
    with pytest.raises(UserError, match="'z'"):
        units_of("z", "token", Char.learn(["a"]))


@settings(max_examples=50)
@given(st.text())
def test_no_unit_is_empty_or_has_a_space(text: str) -> None:
    for unit in ("word", "character"):
        units = units_of(text, unit)  # type: ignore[arg-type]
        assert all(u and not any(c.isspace() for c in u) for u in units)
        assert "".join(units) == "".join(text.split())
