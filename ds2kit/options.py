"""Options, read from signatures: the keyword-only, annotated parameters are all there is."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ds2kit.errors import UserError, close_name

REQUIRED: Any = inspect.Parameter.empty
"""The default of an option that has none."""


@dataclass(frozen=True)
class Option:
    """One option: its name, its type, and its default (REQUIRED where it has none)."""

    name: str
    annotation: Any
    default: Any


class Typed(str):
    """A text from the command line: a path in it is relative to the working directory."""


@dataclass(frozen=True)
class Chosen:
    """A component as a config names it, all of its options resolved.

    options: that of a component is a Chosen too
    """

    kind: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def parts(self) -> Iterator[Chosen]:
        """This component and those in its options."""
        yield self
        for value in self.options.values():
            if isinstance(value, Chosen):
                yield from value.parts()


def options_of(function: Callable[..., Any]) -> dict[str, Option]:
    """The keyword-only parameters of a function, or of a class's constructor.

    Raises UserError where one of them has no annotation or an annotation that does not resolve,
    and where the function takes whatever comes (`*args`, `**kwargs`): what cannot be checked is
    refused where it is handed over.
    """
    called: Any = function
    if isinstance(function, type):
        called = inspect.getattr_static(function, "__init__")
    name = f"{function.__module__}:{function.__qualname__}"
    parameters = inspect.signature(called).parameters.values()
    if called is object.__init__:
        return {}
    try:
        annotations = typing.get_type_hints(called)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise UserError(f"{name}: an annotation of its options does not resolve: {error}") from None
    found = {}
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            raise UserError(
                f"{name} takes *{parameter.name}; name its options as keyword-only parameters"
            )
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        if parameter.name not in annotations:
            raise UserError(f"{name}: option {parameter.name} has no annotation; give it a type")
        found[parameter.name] = Option(
            parameter.name, annotations[parameter.name], parameter.default
        )
    return found


def check(
    given: dict[str, Any],
    options: dict[str, Option],
    path: str,
    folder: Path,
    problems: list[str],
) -> dict[str, Any]:
    """The values of all options, defaults filled in; what is wrong is added to `problems`.

    path:   of the section in the yaml, for the messages
    folder: what relative paths are relative to
    """
    values = {}
    for name in given:
        if name not in options:
            known = ", ".join(options) or "none"
            hint = close_name(str(name), options)
            problems.append(f"{_join(path, name)} is not an option{hint} (options: {known})")
    for name, option in options.items():
        if name in given:
            try:
                values[name] = convert(given[name], option.annotation, _join(path, name), folder)
            except UserError as error:
                problems.append(str(error))
        elif option.default is REQUIRED:
            wanted = expected(option.annotation)
            problems.append(f"{_join(path, name)} is missing; expected {wanted}")
        else:
            values[name] = option.default
    return values


def convert(value: Any, annotation: Any, path: str, folder: Path) -> Any:
    """The value as its annotation wants it, or UserError that names `path`.

    Understands bool, int, float, str, Path, Literal, unions with None, list, tuple and dict.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, annotation, path, folder)
    if origin is Literal:
        return _convert_literal(value, annotation, path)
    if origin in (list, tuple) and isinstance(value, list | tuple):
        return _convert_items(value, annotation, path, folder)
    if origin is dict and isinstance(value, dict):
        inner = arguments[1]
        return {str(k): convert(v, inner, _join(path, k), folder) for k, v in value.items()}
    if annotation is Path and isinstance(value, str | Path):
        begin = Path.cwd() if isinstance(value, Typed) else folder
        return (begin / Path(value).expanduser()).resolve()
    if annotation is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if annotation is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if annotation is str and isinstance(value, str):
        return str(value)
    if annotation in (bool, type(None)) and isinstance(value, annotation):
        return value
    raise UserError(f"{path} is {value!r}; expected {expected(annotation)}")


def _convert_literal(value: Any, annotation: Any, path: str) -> Any:
    allowed = typing.get_args(annotation)
    value = str(value) if isinstance(value, Typed) else value
    for member in allowed:
        # YAML reads `precision: 32` as a number where a name is meant.
        named = isinstance(value, int) and not isinstance(value, bool) and str(value) == member
        if named or (value == member and type(value) is type(member)):
            return member
    hint = close_name(str(value), [str(member) for member in allowed])
    raise UserError(f"{path} is {value!r}{hint}; expected {expected(annotation)}")


def _convert_items(value: Any, annotation: Any, path: str, folder: Path) -> Any:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list or inner[1:] == (...,):
        inner = (inner[0],) * len(value)
    if len(inner) != len(value):
        raise UserError(f"{path} is {value!r}; expected {expected(annotation)}")
    items = [
        convert(item, kind, f"{path}[{i}]", folder)
        for i, (item, kind) in enumerate(zip(value, inner, strict=True))
    ]
    return origin(items)


def _convert_union(value: Any, annotation: Any, path: str, folder: Path) -> Any:
    members = typing.get_args(annotation)
    if value is None and type(None) in members:
        return None
    real = [member for member in members if member is not type(None)]
    failures = []
    for member in real:
        try:
            return convert(value, member, path, folder)
        except UserError as error:
            failures.append(error)
    if len(real) == 1:
        raise failures[0]
    raise UserError(f"{path} is {value!r}; expected {expected(annotation)}")


_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
    type(None): "nothing",
    Any: "anything",
}


def expected(annotation: Any) -> str:
    """The annotation in words: `a whole number`, `one of gru, rnn`, `a list of numbers`."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(expected(member) for member in arguments)
    if origin is Literal:
        return "one of " + ", ".join(str(allowed) for allowed in arguments)
    if origin is tuple and arguments[1:] != (...,):
        return f"a list of {', '.join(expected(member) for member in arguments)}"
    if origin in (list, tuple):
        return f"a list, each {expected(arguments[0])}"
    if origin is dict:
        return f"a mapping of names, each {expected(arguments[1])}"
    if isinstance(annotation, type) and annotation not in _NAMES:
        return f"a mapping such as {{name: ...}} of a {annotation.__name__}"
    return _NAMES.get(annotation, str(annotation))


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)
