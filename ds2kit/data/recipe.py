"""A recipe's prepare.py: loaded from its path, its options checked, its mistakes named."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import traceback
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ds2kit.errors import Problems, UserError
from ds2kit.options import Option, check, options_of
from ds2kit.types import Utterance

MODULE = "ds2kit_prepare"
"""What a prepare.py is called while it is loaded."""

SPLIT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class Recipe:
    """A prepare.py that has been loaded.

    digest: SHA-256 of its source, and of the modules beside it that it imports
    """

    path: Path
    digest: str
    function: Callable[..., Any]

    def options(self, given: Sequence[str]) -> dict[str, Any]:
        """The values of its options from KEY=VALUE texts; a path is relative to where we are.

        Raises UserError that names every option which is unknown, missing or of another type.
        """
        known = options_of(self.function)
        problems, values = [], {}
        for text in given:
            name, equals, value = text.partition("=")
            if not equals:
                problems.append(f"{text!r} is not KEY=VALUE")
            else:
                values[name] = _value(value, known[name]) if name in known else value
        checked = check(values, known, "", Path.cwd(), problems)
        if problems:
            raise Problems(f"options of {self.path}", problems)
        return checked

    def splits(self, options: Mapping[str, Any]) -> dict[str, Iterator[Utterance]]:
        """What it yields: split name to utterances, made while they are taken.

        Raises UserError, here and later, with what the recipe raised and where.
        """
        with _blamed(self.path):
            found = self.function(**options)
        if not isinstance(found, Mapping) or not found:
            shown = f"splits() gave {found!r:.80}"
            raise UserError(f"{self.path}: {shown}; expected split names and their utterances")
        for name, utterances in found.items():
            if not (isinstance(name, str) and SPLIT_NAME.fullmatch(name)):
                raise UserError(
                    f"{self.path}: a split is called {name!r}; expected letters, digits, _ . + -"
                )
            if not isinstance(utterances, Iterable):
                shown = f"split {name!r} is {utterances!r:.80}"
                raise UserError(f"{self.path}: {shown}; expected utterances")
        return {name: self._taken(utterances) for name, utterances in found.items()}

    def _taken(self, utterances: Iterable[Utterance]) -> Iterator[Utterance]:
        with _blamed(self.path):
            taken = iter(utterances)
        while True:
            with _blamed(self.path):
                try:
                    utterance = next(taken)
                except StopIteration:
                    return
            yield utterance


@contextmanager
def loaded(path: Path) -> Iterator[Recipe]:
    """The recipe at a path; while it is used, modules beside it can be imported.

    Raises UserError where it is not there, cannot be loaded, or has no function `splits`.
    """
    if not path.is_file():
        raise UserError(f"{path} is not there; expected a recipe's prepare.py")
    folder, before = path.resolve().parent, set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        module = _module(path)
        function = getattr(module, "splits", None)
        if not callable(function):
            raise UserError(f"{path} has no function `splits`; see docs/recipes.md")
        yield Recipe(path, _digest(path, folder), function)
    finally:
        sys.path.remove(str(folder))
        # Another recipe's module of the same name must not be taken for this one's.
        for name in set(_beside(folder)) - before:
            del sys.modules[name]
        sys.modules.pop(MODULE, None)


def _module(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(MODULE, path.resolve())
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is no Python file; expected a recipe's prepare.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module  # dataclasses and annotations look their module up there
    with _blamed(path):
        spec.loader.exec_module(module)
    return module


def _beside(folder: Path) -> dict[str, Path]:
    """Modules that were loaded from a folder, by name."""
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and name not in ("__main__", MODULE) and Path(file).parent == folder:
            found[name] = Path(file)
    return found


def _digest(path: Path, folder: Path) -> str:
    digest = hashlib.sha256(path.read_bytes())
    for beside in sorted(_beside(folder).values()):
        digest.update(beside.read_bytes())
    return digest.hexdigest()


@contextmanager
def _blamed(path: Path) -> Iterator[None]:
    """What a recipe raises, as an error of the user's with the line that raised it."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path.resolve())]
        where = f", line {lines[-1]}" if lines else ""
        reason = " ".join(str(error).split())
        raise UserError(f"{path}{where}: {type(error).__name__}: {reason}") from error


def _value(text: str, option: Option) -> Any:
    """The text as its option's type wants it; as it is where it cannot be that."""
    for kind in _kinds(option.annotation):
        if kind is type(None) and text in ("none", "null"):
            return None
        if kind is bool and text in ("true", "false"):
            return text == "true"
        if kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        if kind in (str, Path) or (not isinstance(kind, type) and str(kind) == text):
            return kind if not isinstance(kind, type) else text
    return text


def _kinds(annotation: Any) -> list[Any]:
    """The types of a union, None first and text last; a Literal's values as they are."""
    origin, members = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return list(members)
    if origin not in (typing.Union, types.UnionType):
        return [annotation]
    kinds = [kind for member in members for kind in _kinds(member)]
    rank = {type(None): 0, bool: 1, int: 2, float: 3, Path: 4, str: 5}
    return sorted(kinds, key=lambda kind: rank.get(kind, 0) if isinstance(kind, type) else 0)
