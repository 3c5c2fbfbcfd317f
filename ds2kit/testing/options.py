"""How a component takes its options: a constructor, or `learn`, that a yaml can be checked by."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ds2kit.errors import UserError
from ds2kit.options import options_of


def check_options(function: Callable[..., Any], supplied: Sequence[str]) -> None:
    """The toolkit supplies these parameters positionally; all others are keyword-only options.

    function: a class, or a bound `learn`
    """
    name = getattr(function, "__qualname__", str(function))
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    positional = [p.name for p in parameters if p.kind in kinds]
    assert len(positional) == len(supplied), (
        f"{name} takes {', '.join(positional) or 'nothing'} by position; the toolkit supplies "
        f"{', '.join(supplied)}: put a * before the options"
    )
    try:
        options_of(function)
    except UserError as error:
        raise AssertionError(str(error)) from None
