"""docs/hooks.md says what ds2kit/hooks.py says."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pluggy
import pytest

from ds2kit import hooks

PAGE = Path(__file__).parents[1] / "docs" / "hooks.md"

HOOKS: dict[str, Callable[..., Any]] = {
    name: function
    for name, function in vars(hooks).items()
    if hasattr(function, f"{hooks.GROUP}_spec")
}


def sections() -> dict[str, str]:
    """The text below each heading of the second level."""
    parts = re.split(r"^## (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def heading(name: str) -> str:
    signature = str(inspect.signature(HOOKS[name])).replace("'", "")
    return f"`{name}{signature}`"


def test_there_is_a_heading_for_each_hook_with_its_true_signature() -> None:
    assert len(HOOKS) >= 4
    assert sorted(sections()) == sorted(heading(name) for name in HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_section_says_when_the_hook_is_called(name: str) -> None:
    called = re.search(r"Called .*?[,.;]", inspect.getdoc(HOOKS[name]) or "")
    assert called, f"the docstring of {name} does not say when it is called"
    moment = called.group().rstrip(",.;")
    assert moment in sections()[heading(name)], f"docs/hooks.md does not say: {moment}"


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_implements_the_hook(name: str) -> None:
    [example] = re.findall(r"```python\n(.*?)```", sections()[heading(name)], flags=re.DOTALL)
    module = types.ModuleType("example")
    exec(example, vars(module))
    manager = pluggy.PluginManager(hooks.GROUP)
    manager.add_hookspecs(hooks)
    # pluggy refuses arguments that the hook has not, and names that are no hook's.
    manager.register(module)
    manager.check_pending()
    assert getattr(manager.hook, name).get_hookimpls(), f"the example does not implement {name}"
