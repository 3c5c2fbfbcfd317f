"""Errors that are the user's to mend: one line that says what, where and how."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake of the user's, told in one line.

    The line names the thing, what was found, what was expected and the remedy. The command line
    prints it without a traceback and ends with status 1.
    """


class Problems(UserError):
    """Several mistakes in one place, told together: a headline and a line each."""

    def __init__(self, place: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        if count == 1:
            super().__init__(f"{place}: {self.problems[0]}")
        else:
            listed = "\n".join(f"  {problem}" for problem in self.problems)
            super().__init__(f"{place}: {count} problems\n{listed}")


def close_name(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'greedy'?` where one of the known names is close, else nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
