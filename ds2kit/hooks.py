"""The hooks that a distribution may implement: the whole surface of a plugin.

A distribution names a module in the entry-point group `ds2kit`; the module implements any of
these with `@hookimpl`. Everything is named by dotted path (`package.module:Name`) and imported
when a config or a command needs it, so the hook module itself stays light.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from ds2kit.settings import Config

GROUP = "ds2kit"
"""The entry-point group, and pluggy's project name."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def ds2kit_components() -> Iterable[tuple[str, str, str]]:  # type: ignore[empty-body]
    """(kind, name, dotted path) of every component that the distribution brings.

    Called once, when the toolkit looks at what is installed.
    """


@hookspec
def ds2kit_kinds() -> Iterable[tuple[str, str]]:  # type: ignore[empty-body]
    """(kind, dotted path of its base class) of every new kind of component.

    Called once, before the components are collected.
    """


@hookspec
def ds2kit_commands() -> Iterable[tuple[str, str]]:  # type: ignore[empty-body]
    """(name, dotted path of a click command) of every command for `ds2kit`.

    Called when the command line starts; the path is imported when the command is named or the
    list of commands is asked for, so its module imports torch inside its functions only.
    """


@hookspec
def ds2kit_callbacks(config: Config) -> Iterable[Any]:  # type: ignore[empty-body]
    """Lightning callbacks for a training by this config.

    Called by `ds2kit train` once, after the config has been checked and before the first step.
    """
