"""Where one word may end and the next begin."""

from __future__ import annotations

import pytest

from ds2kit.decoding.boundaries import Boundaries
from ds2kit.text.char import Char


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        ("a", "b", False),
        ("a", " ", True),
        (" ", "b", True),
        ("今", "天", True),
        ("a", "天", True),
        ("今", "b", True),
        ("'", "s", False),
        ("한", "국", False),
    ],
)
def test_beside_spaces_and_characters_of_scripts_without(
    before: str, after: str, may: bool
) -> None:
    assert Boundaries(Char(" ab's今天한국")).between(before, after) == may


def test_anywhere_in_a_script_without_spaces() -> None:
    thai = Boundaries(Char("กขค"))

    assert thai.between("ก", "ข")
    assert not thai.spaced
