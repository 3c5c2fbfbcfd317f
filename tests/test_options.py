"""Options from signatures, and values as their annotations want them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from ds2kit.errors import UserError
from ds2kit.options import REQUIRED, check, convert, expected, options_of

HERE = Path("/somewhere")


class Component:
    def __init__(
        self,
        input_size: int,
        *,
        width: int,
        rate: float = 1e-3,
        cell: Literal["gru", "rnn"] = "gru",
    ) -> None:
        pass


class Unannotated:
    def __init__(self, *, width=3) -> None:  # type: ignore[no-untyped-def]
        pass


class Everything:
    def __init__(self, **options: int) -> None:
        pass


class Unresolved:
    def __init__(self, *, width: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821
        pass


class Plain:
    pass


def test_options_are_the_keyword_only_parameters() -> None:
    options = options_of(Component)

    assert list(options) == ["width", "rate", "cell"]
    assert (options["width"].annotation, options["width"].default) == (int, REQUIRED)
    assert (options["rate"].annotation, options["rate"].default) == (float, 1e-3)


def test_no_constructor_no_options() -> None:
    assert options_of(Plain) == {}


@pytest.mark.parametrize(
    ("component", "said"),
    [
        (Unannotated, "option width has no annotation"),
        (Everything, r"takes \*options; name its options"),
        (Unresolved, "does not resolve.*Nowhere"),
    ],
)
def test_what_cannot_be_checked_is_refused(component: type[Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        options_of(component)


@pytest.mark.parametrize(
    ("value", "annotation", "converted"),
    [
        (3, int, 3),
        (3, float, 3.0),
        (True, bool, True),
        ("gru", Literal["gru", "rnn"], "gru"),
        (None, int | None, None),
        (4, int | None, 4),
        ([1, 2], tuple[float, ...], (1.0, 2.0)),
        ([1, 2], list[int], [1, 2]),
        ({"a": 1}, dict[str, float], {"a": 1.0}),
        ({"a": 1}, str | dict[str, float], {"a": 1.0}),
        ("data", Path, HERE / "data"),
        ("/data", Path | None, Path("/data")),
        ([1], Any, [1]),
    ],
)
def test_values_become_what_they_should(value: Any, annotation: Any, converted: Any) -> None:
    found = convert(value, annotation, "a.b", HERE)

    assert found == converted
    assert type(found) is type(converted)


@pytest.mark.parametrize(
    ("value", "annotation", "said"),
    [
        ("3", int, "a.b is '3'; expected a whole number"),
        (True, int, "a.b is True; expected a whole number"),
        (1.5, int, "a.b is 1.5; expected a whole number"),
        (True, float, "a.b is True; expected a number"),
        (1, bool, "a.b is 1; expected true or false"),
        (1, str, "a.b is 1; expected a text"),
        ("gruu", Literal["gru", "rnn"], "did you mean 'gru'?; expected one of gru, rnn"),
        (1, Literal[True], "a.b is 1; expected one of True"),
        ("x", int | None, "a.b is 'x'; expected a whole number"),
        ([1, "x"], list[int], "a.b[1] is 'x'; expected a whole number"),
        ({"k": "x"}, dict[str, int], "a.b.k is 'x'; expected a whole number"),
        (3, str | dict[str, float], "expected a text or a mapping of names, each a number"),
        (3, list[int], "expected a list, each a whole number"),
    ],
)
def test_values_of_another_type_are_refused(value: Any, annotation: Any, said: str) -> None:
    with pytest.raises(UserError) as refused:
        convert(value, annotation, "a.b", HERE)

    assert said in str(refused.value)


def test_all_problems_are_found_together() -> None:
    problems: list[str] = []

    values = check({"wdth": 3, "rate": "x"}, options_of(Component), "encoder", HERE, problems)

    assert problems == [
        "encoder.wdth is not an option; did you mean 'width'? (options: width, rate, cell)",
        "encoder.width is missing; expected a whole number",
        "encoder.rate is 'x'; expected a number",
    ]
    assert values == {"cell": "gru"}


def test_in_words() -> None:
    assert expected(int | None) == "a whole number or nothing"
    assert expected(tuple[float, ...]) == "a list, each a number"
