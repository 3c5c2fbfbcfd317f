"""`ds2kit plugins`: what is installed, and what is broken."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ds2kit import builtin
from ds2kit.cli.main import cli
from ds2kit.errors import UserError
from ds2kit.hooks import hookimpl
from ds2kit.registry import Plugin, Toolkit


def test_lists_what_is_installed(ds2kit: Callable[..., Any]) -> None:
    ran = ds2kit("plugins")

    lines = ran.out.splitlines()
    assert ran.status == 0
    greedy = next(line for line in lines if line.split()[1] == "greedy")
    assert greedy.split()[:3] == ["decoder", "greedy", "ds2kit"]
    assert greedy.endswith("ds2kit.decoding.greedy:Greedy")


def test_json_is_one_object_a_line(ds2kit: Callable[..., Any]) -> None:
    rows = [json.loads(line) for line in ds2kit("plugins", "--json").out.splitlines()]

    core = [row for row in rows if row["distribution"] == "ds2kit"]
    assert {row["kind"] for row in core} >= {"frontend", "encoder", "tokenizer", "decoder"}
    assert all(set(row) == {"kind", "name", "path", "distribution", "version"} for row in core)


def test_check_shows_options_with_their_defaults(ds2kit: Callable[..., Any]) -> None:
    shown = ds2kit("plugins", "--check").out
    rows = [json.loads(line) for line in ds2kit("plugins", "--check", "--json").out.splitlines()]

    options = {row["name"]: row["options"] for row in rows if row["distribution"] == "ds2kit"}
    assert options["log_spectrogram"]["step_ms"] == {"type": "a number", "default": 10.0}
    assert options["char"]["lowercase"]["default"] is False
    assert "    step_ms = 10.0 (a number)\n" in shown


class Hooks:
    """A hook module of a stranger."""

    def __init__(self, *components: tuple[str, str, str]) -> None:
        @hookimpl
        def ds2kit_components() -> Iterator[tuple[str, str, str]]:
            yield from components

        self.ds2kit_components = ds2kit_components


def toolkit(*hooks: Hooks | BaseException) -> Toolkit:
    """The core, and a distribution for each of the hook modules or what its import raises."""

    def loader(hook: Hooks | BaseException) -> Callable[[], Any]:
        def load() -> Any:
            if isinstance(hook, BaseException):
                raise hook
            return hook

        return load

    others = [
        Plugin(f"p{i}", f"ds2kit-p{i}", f"0.{i}", loader(hook)) for i, hook in enumerate(hooks)
    ]
    return Toolkit([Plugin("core", "ds2kit", "0", lambda: builtin), *others])


def run(kit: Toolkit, *arguments: str) -> Result:
    # By the group: click keeps the first help option that a command made, with or without -h.
    return CliRunner().invoke(cli, ["plugins", *arguments], obj=kit)


@pytest.mark.parametrize("error", [ImportError("No module named 'gone'"), SystemExit(3)])
def test_a_plugin_that_failed_is_listed_with_its_reason(error: BaseException) -> None:
    listed = run(toolkit(error))
    checked = run(toolkit(error), "--check", "--json")

    assert listed.exit_code == 0
    assert f"    broken: {type(error).__name__}: {error}" in listed.output
    assert "ds2kit-p0 0.0" in listed.output
    assert isinstance(checked.exception, UserError)
    assert "0 components and 1 plugins are broken" in str(checked.exception)
    row = json.loads(checked.output.splitlines()[-1])
    assert (row["kind"], row["distribution"]) == ("plugin", "ds2kit-p0")
    assert str(error) in row["broken"]


def test_check_imports_each_component(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("test_plugins_made")
    module.Odd = type("Odd", (), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "test_plugins_made", module)
    kit = toolkit(
        Hooks(
            ("encoder", "odd", "test_plugins_made:Odd"),
            ("encoder", "gone", "test_plugins_nowhere:Gone"),
        )
    )

    unchecked, checked = run(kit), run(kit, "--check")

    assert (unchecked.exit_code, "broken" in unchecked.output) == (0, False)
    assert "2 components and 0 plugins are broken" in str(checked.exception)
    assert "is no Encoder; its class must derive from" in checked.output
    assert "cannot be imported: ModuleNotFoundError" in checked.output
    assert "greedy" in checked.output


def test_two_offers_of_a_name_are_both_shown_as_broken() -> None:
    offer = ("decoder", "greedy", "elsewhere:Greedy")

    listed = run(toolkit(Hooks(offer)))

    assert listed.output.count("broken: decoder 'greedy' is offered more than once") == 2
    assert "ds2kit 0 and ds2kit-p0 0.0" in listed.output
