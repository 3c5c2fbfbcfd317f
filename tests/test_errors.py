"""Errors in one line, several together, and the close name."""

from __future__ import annotations

import pytest

from ds2kit.errors import Problems, UserError, close_name


def test_one_problem_is_one_line() -> None:
    assert str(Problems("a.yaml", ["width is 'x'"])) == "a.yaml: width is 'x'"


def test_several_problems_are_told_together() -> None:
    problems = Problems("a.yaml", iter(["first", "second"]))

    assert str(problems) == "a.yaml: 2 problems\n  first\n  second"
    assert problems.problems == ("first", "second")
    assert isinstance(problems, UserError)


@pytest.mark.parametrize(
    ("name", "hint"), [("gredy", "; did you mean 'greedy'?"), ("quite else", ""), ("", "")]
)
def test_the_close_name(name: str, hint: str) -> None:
    assert close_name(name, iter(["greedy", "beam"])) == hint
