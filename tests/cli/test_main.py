"""The door of the command line: errors in one line, help, and interrupts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import click
import pytest

from ds2kit import builtin
from ds2kit.cli import main as door
from ds2kit.hooks import hookimpl
from ds2kit.registry import Plugin, Toolkit


@click.command()
@click.argument("how")
def odd(how: str) -> None:
    """Fail in some way."""
    failures = {
        "ctrl-c": KeyboardInterrupt(),
        "end": EOFError("the file ends too early"),
        "defect": ZeroDivisionError("a defect"),
        "disk": PermissionError(13, "Permission denied", "/a/file"),
        "pipe": BrokenPipeError(32, "Broken pipe"),
    }
    raise failures[how]


@pytest.fixture
def odd_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed has a command `odd`, and one that cannot be imported, `broken`."""
    module = ModuleType("test_main_odd")
    module.odd = odd  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "test_main_odd", module)

    class Hooks:
        @staticmethod
        @hookimpl
        def ds2kit_commands() -> Iterator[tuple[str, str]]:
            yield "odd", "test_main_odd:odd"
            yield "broken", "test_main_nowhere:command"

    toolkit = Toolkit(
        [
            Plugin("core", "ds2kit", "0", lambda: builtin),
            Plugin("odd", "ds2kit-odd", "1.2", lambda: Hooks),  # type: ignore[arg-type,return-value]
        ]
    )
    monkeypatch.setattr(door.Toolkit, "installed", lambda: toolkit)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["transcrib", "x"], "there is no command 'transcrib'; did you mean 'transcribe'?"),
        (["quite-else"], "there is no command 'quite-else' (ds2kit --help)"),
        (["--verbose"], "--verbose"),
        (["decode"], "Missing argument 'EXP|MODEL'. (ds2kit decode --help)"),
        (["decode", "exp", "test", "--fast"], "--fast"),
        (["transcribe", "model", "a.wav", "--max-seconds", "0"], "--max-seconds"),
    ],
)
def test_a_wrong_call_is_one_line(
    ds2kit: Callable[..., Any], arguments: list[str], told: str
) -> None:
    ran = ds2kit(*arguments)

    assert ran.status == 1
    assert ran.out == ""
    assert ran.err.startswith("ds2kit: ")
    assert ran.err.count("\n") == 1
    assert told in ran.err


def test_help_lists_all_commands(ds2kit: Callable[..., Any]) -> None:
    ran = ds2kit("--help")

    assert ran.status == 0
    assert ran.err == ""
    for name in Toolkit.installed().commands:
        assert f"\n  {name} " in ran.out, name


@pytest.mark.parametrize("arguments", [[], ["new"]])
def test_a_group_alone_says_what_there_is(ds2kit: Callable[..., Any], arguments: list[str]) -> None:
    ran = ds2kit(*arguments)

    # An old click takes it for --help.
    assert ran.status == (0 if ran.out else 1)
    assert ran.out or "expected a command" in ran.err
    assert "Commands:\n" in ran.out + ran.err


def test_version(ds2kit: Callable[..., Any]) -> None:
    import ds2kit as package

    assert ds2kit("--version").out == f"ds2kit {package.__version__}\n"


def test_debug_shows_the_traceback(ds2kit: Callable[..., Any]) -> None:
    short, long = ds2kit("describe", "nowhere"), ds2kit("--debug", "describe", "nowhere")

    assert "Traceback" not in short.err
    assert "Traceback" in long.err
    assert long.err.endswith(short.err)
    assert (short.status, long.status) == (1, 1)


@pytest.mark.usefixtures("odd_command")
def test_each_end_has_its_status(ds2kit: Callable[..., Any]) -> None:
    stopped, refused = ds2kit("odd", "ctrl-c"), ds2kit("odd", "disk")

    assert stopped.status == 130
    assert stopped.err.strip() == "stopped; run the same command again to go on"
    assert refused.status == 1
    assert refused.err == "ds2kit: [Errno 13] Permission denied: '/a/file'\n"


@pytest.mark.usefixtures("odd_command")
def test_a_defect_keeps_its_traceback(ds2kit: Callable[..., Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        ds2kit("odd", "defect")
    with pytest.raises(EOFError):
        ds2kit("odd", "end")


@pytest.mark.usefixtures("odd_command")
def test_a_broken_command_stops_no_other(ds2kit: Callable[..., Any]) -> None:
    helped, called = ds2kit("--help"), ds2kit("broken", "with", "--any=arguments")

    assert helped.status == 0
    assert "broken" in helped.out
    assert "odd         Fail in some way." in helped.out
    assert called.status == 1
    assert called.err.count("\n") == 1
    assert "command 'broken' of ds2kit-odd 1.2" in called.err
    assert "test_main_nowhere" in called.err
