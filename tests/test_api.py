"""The public names: all are documented, and strangers need no others."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]

WHOLE = ("ds2kit.types", "ds2kit.errors", "ds2kit.components", "ds2kit.hooks", "ds2kit.testing")
"""Modules of which every name without an underscore is public."""

NOT_FOR_PLUGINS = {"ds2kit.hooks": {"GROUP", "hookspec"}}


def public() -> dict[str, tuple[str, ...]]:
    """PUBLIC of docs/generate.py."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names: dict[str, tuple[str, ...]] = module.PUBLIC
    return names


def defined(module: ModuleType) -> set[str]:
    """The names without an underscore that a module defines, or says that it exports."""
    if hasattr(module, "__all__"):
        return set(module.__all__)
    names = set()
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")

    for module, names in public().items():
        for name in names:
            value = getattr(importlib.import_module(module), name)
            assert f"### `{name}" in page, f"{module}.{name} is not in docs/api.md"
            if inspect.isclass(value) or inspect.isfunction(value):
                assert inspect.getdoc(value), f"{module}.{name} has no docstring"


@pytest.mark.parametrize("module", WHOLE)
def test_nothing_of_a_public_module_is_forgotten(module: str) -> None:
    found = defined(importlib.import_module(module)) - NOT_FOR_PLUGINS.get(module, set())

    assert found == set(public()[module])


def used(text: str) -> Iterator[tuple[str, str]]:
    """(module, name) of all that a source imports from ds2kit."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ds2kit":
            yield from ((node.module or "", name.name) for name in node.names)
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.split(".")[0] == "ds2kit":
                    yield name.name, ""


def strangers() -> list[Path]:
    """Sources that could lie anywhere: plugins, recipes, and what `ds2kit new` writes."""
    left = {"work", "tests", "build"}
    found = [
        *(ROOT / "plugins").rglob("*.py"),
        *(ROOT / "recipes").rglob("*.py"),
        *(ROOT / "ds2kit" / "scaffold").rglob("*.py.template"),
    ]
    return sorted(p for p in found if not left & set(p.relative_to(ROOT).parts[2:3]))


@pytest.mark.parametrize("path", strangers(), ids=lambda path: str(path.relative_to(ROOT)))
def test_strangers_use_public_names(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("$package", "mine").replace("$class_name", "M")
    known = {(module, name) for module, names in public().items() for name in names}

    assert not [found for found in used(text) if found not in known]


def test_there_are_strangers() -> None:
    assert {"plugins", "recipes", "ds2kit"} <= {p.relative_to(ROOT).parts[0] for p in strangers()}
