"""The normalisers of scoring."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.errors import UserError
from ds2kit.text.normalise import NORMALISERS, normaliser, plain, prepared


@pytest.mark.parametrize("name", NORMALISERS)
@given(text=st.text())
def test_is_idempotent_and_folds_white_space(name: str, text: str) -> None:
    normalised = normaliser(name)(text)

    assert normaliser(name)(normalised) == normalised
    assert normalised == " ".join(normalised.split())


@given(text=st.text())
def test_prepared_changes_nothing_but_white_space(text: str) -> None:
    assert prepared(text).split() == unicodedata.normalize("NFC", text).split()


def test_prepared_takes_both_spellings_of_an_accent_for_one_text() -> None:
    assert prepared("cafe\u0301") == prepared("caf\u00e9") == "caf\u00e9"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  It's\ta well-known\u00a0TRUTH, isn’t it?! ", "it's a well known truth isn't it"),
        ("'tis the boys' `quoted' don''t", "tis the boys quoted don t"),
        ("rock 'n' roll (live)", "rock n roll live"),
        ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("我们，走吧。", "我们 走吧"),
        ("Straße, ΟΔΟΣ", "straße οδος"),
        ("J\u030c", "\u01f0"),
        ("50 % of $3", "50 of $3"),
        ("!?", ""),
        ("", ""),
    ],
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_an_unknown_name_is_refused_with_the_close_one() -> None:
    with pytest.raises(UserError, match=r"'plian'; did you mean 'plain'\? \(there are: prep"):
        normaliser("plian")
