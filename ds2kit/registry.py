"""What is installed: components and commands of all distributions, found by kind and name."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from ds2kit import hooks
from ds2kit.errors import UserError, close_name
from ds2kit.options import REQUIRED, Chosen, Option, check, options_of

IN_THE_REPOSITORY = {
    ("tokenizer", "bigram"): "pip install ./plugins/bigram",
    ("tokenizer", "mandarin"): "pip install ./plugins/mandarin",
    ("tokenizer", "sentencepiece"): "pip install ./plugins/sentencepiece",
    ("frontend", "mel"): "pip install ./plugins/mel",
    ("decoder", "flashlight"): "pip install ./plugins/flashlight",
    ("language_model", "kenlm"): "pip install ./plugins/flashlight",
}
"""Components that ds2kit's own repository has and its core has not, and how to get them."""

SUPPLIED = {"language_model": {"path": Option("path", Path, REQUIRED)}}
"""What components of a kind take first, and a yaml says beside their options."""


@dataclass(frozen=True)
class Plugin:
    """A hook module: where it comes from, and how to import it."""

    name: str
    distribution: str
    version: str
    load: Callable[[], ModuleType]


@dataclass(frozen=True)
class Registered:
    """A name that a distribution offers; nothing behind it has been imported yet."""

    kind: str
    name: str
    path: str
    distribution: str
    version: str


@dataclass(frozen=True)
class Broken:
    """A hook module that failed, and why."""

    plugin: str
    distribution: str
    version: str
    reason: str


class Toolkit:
    """The components, commands and callbacks of a set of plugins.

    `Toolkit.installed()` has what is installed; a test makes one of the plugins it wants.
    """

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.kinds: dict[str, str] = {}
        self.broken: list[Broken] = []
        self._offers: list[Registered] = []
        self._commands: dict[str, list[Registered]] = {}
        self._manager = pluggy.PluginManager(hooks.GROUP)
        self._manager.add_hookspecs(hooks)
        loaded = [
            (plugin, module) for plugin in plugins if (module := self._load(plugin)) is not None
        ]
        for plugin, module in loaded:
            self._collect(plugin, module, "ds2kit_kinds", self._add_kind)
        for plugin, module in loaded:
            self._collect(plugin, module, "ds2kit_components", self._add_component)
            self._collect(plugin, module, "ds2kit_commands", self._add_command)

    @classmethod
    def installed(cls) -> Toolkit:
        """The toolkit of every installed distribution with an entry point in group `ds2kit`."""
        return cls(_installed_plugins())

    @property
    def components(self) -> list[Registered]:
        """Everything on offer, sorted by kind and name."""
        return sorted(self._offers, key=lambda offer: (offer.kind, offer.name, offer.distribution))

    @property
    def commands(self) -> dict[str, list[Registered]]:
        """The offers of each command's name; more than one is a clash, refused when called."""
        return self._commands

    def names(self, kind: str) -> list[str]:
        """The names on offer for a kind."""
        return sorted({offer.name for offer in self._offers if offer.kind == kind})

    def find(self, kind: str, name: str) -> Registered:
        """Who offers this name. Raises UserError where nobody does, or two do."""
        offers = [o for o in self._offers if o.kind == kind and o.name == name]
        if len(offers) == 1:
            return offers[0]
        if offers:
            raise UserError(clash(f"{kind} '{name}'", offers))
        raise UserError(self._missing(kind, name))

    def component(self, kind: str, name: str) -> type[Any]:
        """The class of a component, imported now. Raises UserError where it is not what it says."""
        offer = self.find(kind, name)
        made, base = _resolve(offer), self._base(offer)
        said = f"{kind} '{name}' of {offer.distribution} ({offer.path})"
        if not (isinstance(made, type) and issubclass(made, base)):
            raise UserError(
                f"{said} is no {base.__name__}; its class must derive from {self.kinds[kind]}"
            )
        if inspect.isabstract(made):
            lacking = ", ".join(n for n in dir(made) if _is_abstract(getattr(made, n)))
            raise UserError(f"{said} is unfinished; it must also define {lacking}")
        return made

    def options(self, kind: str, name: str) -> dict[str, Option]:
        """The options of a component: its constructor's, and its `learn`'s where it learns."""
        component = self.component(kind, name)
        learned = options_of(component.learn) if hasattr(component, "learn") else {}
        return SUPPLIED.get(kind, {}) | options_of(component) | learned

    def choose(
        self, kind: str, section: Mapping[str, Any], path: str, folder: Path, problems: list[str]
    ) -> Chosen:
        """A component's section of a yaml, checked; what is wrong is added to `problems`."""
        given = dict(section)
        name = given.pop("name", None)
        if not isinstance(name, str):
            allowed, found = ", ".join(self.names(kind)), "missing" if name is None else repr(name)
            problems.append(f"{path}.name is {found}; expected one of {allowed}")
            return Chosen(kind, "")
        name = str(name)  # typed, it is more than that, and a yaml takes no more
        try:
            options = self.options(kind, name)
        except UserError as error:
            problems.append(f"{path}.name: {error}")
            return Chosen(kind, name)
        nested = {}
        for option in options.values():
            part, inner = self._kind_of(option.annotation), given.get(option.name)
            if part and isinstance(inner, Mapping):
                del given[option.name]
                place = f"{path}.{option.name}"
                nested[option.name] = self.choose(part, inner, place, folder, problems)
        plain = {n: option for n, option in options.items() if n not in nested}
        return Chosen(kind, name, check(given, plain, path, folder, problems) | nested)

    def make(self, chosen: Chosen, *first: Any) -> Any:
        """A component of the chosen options, and of what the toolkit supplies first."""
        component = self.component(chosen.kind, chosen.name)
        made = {
            name: self.make(value) if isinstance(value, Chosen) else value
            for name, value in chosen.options.items()
        }
        supplied = [made[name] for name in SUPPLIED.get(chosen.kind, {})]
        own = options_of(component)
        return component(*first, *supplied, **{k: v for k, v in made.items() if k in own})

    def _kind_of(self, annotation: Any) -> str | None:
        """The kind of component that an option wants, if it wants one."""
        wanted = typing.get_args(annotation) or (annotation,)
        paths = {f"{w.__module__}:{w.__qualname__}" for w in wanted if isinstance(w, type)}
        return next((kind for kind, path in self.kinds.items() if path in paths), None)

    def learn(self, chosen: Chosen, learn: Callable[..., Any], *first: Any) -> Any:
        """Call a component's `learn` with the chosen options that are its own."""
        own = options_of(learn)
        return learn(*first, **{k: v for k, v in chosen.options.items() if k in own})

    def command(self, name: str) -> Any:
        """The click command of that name, imported now."""
        offers = self._commands[name]
        if len(offers) > 1:
            raise UserError(clash(f"command '{name}'", offers))
        return _resolve(offers[0])

    def callbacks(self, config: Any) -> list[Any]:
        """The Lightning callbacks that plugins bring to a training by this config.

        Raises UserError where a plugin's hook fails.
        """
        found: list[Any] = []
        for implementation in self._manager.hook.ds2kit_callbacks.get_hookimpls():
            hook: Callable[..., Any] = implementation.function
            try:
                found += hook(config=config) if implementation.argnames else hook()
            except Exception as error:
                raise UserError(
                    f"ds2kit_callbacks of {implementation.plugin_name} failed: {_reason(error)}"
                ) from error
        return found

    def _base(self, offer: Registered) -> type[Any]:
        path = self.kinds[offer.kind]
        try:
            base: type[Any] = _import(path)
        except Exception as error:
            raise UserError(
                f"kind '{offer.kind}' ({path}) cannot be imported: {_reason(error)}"
            ) from error
        return base

    def _load(self, plugin: Plugin) -> ModuleType | None:
        # SystemExit and every other exception of a stranger's module is that module's problem.
        try:
            module = plugin.load()
            name = f"{plugin.distribution}:{plugin.name}"
            self._manager.register(module, name=name)
            self._manager.check_pending()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._break(plugin, error)
            return None
        return module

    def _break(self, plugin: Plugin, error: BaseException) -> None:
        found = Broken(plugin.name, plugin.distribution, plugin.version, _reason(error))
        if found not in self.broken:
            self.broken.append(found)
        name = f"{plugin.distribution}:{plugin.name}"
        if self._manager.get_plugin(name) is not None:
            self._manager.unregister(name=name)

    def _collect(
        self, plugin: Plugin, module: ModuleType, hook: str, add: Callable[[Plugin, Any], None]
    ) -> None:
        implementation = getattr(module, hook, None)
        if implementation is None or not hasattr(implementation, f"{hooks.GROUP}_impl"):
            return
        try:
            for item in list(implementation()):
                add(plugin, item)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._break(plugin, error)

    def _add_kind(self, plugin: Plugin, item: Any) -> None:
        kind, path = _strings(item, 2, "ds2kit_kinds", "(kind, 'package.module:Class')")
        if self.kinds.get(kind, path) != path:
            raise UserError(f"kind '{kind}' is already {self.kinds[kind]}; rename one")
        self.kinds[kind] = path

    def _add_component(self, plugin: Plugin, item: Any) -> None:
        kind, name, path = _strings(
            item, 3, "ds2kit_components", "(kind, name, 'package.module:Class')"
        )
        if kind not in self.kinds:
            hint = close_name(kind, self.kinds)
            raise UserError(
                f"'{kind}' of component '{name}' is no kind{hint} (kinds: {', '.join(self.kinds)})"
            )
        self._offers.append(Registered(kind, name, path, plugin.distribution, plugin.version))

    def _add_command(self, plugin: Plugin, item: Any) -> None:
        name, path = _strings(item, 2, "ds2kit_commands", "(name, 'package.module:command')")
        offer = Registered("command", name, path, plugin.distribution, plugin.version)
        self._commands.setdefault(name, []).append(offer)

    def _missing(self, kind: str, name: str) -> str:
        names = self.names(kind)
        remedy = IN_THE_REPOSITORY.get((kind, name))
        if remedy:
            return f"{kind} '{name}' is not installed; in ds2kit's repository: {remedy}"
        hint = close_name(name, names)
        broken = "".join(
            f"; {b.distribution} might, but it failed: {b.reason}" for b in self.broken
        )
        return f"no {kind} is called '{name}'{hint} (installed: {', '.join(names)}){broken}"


def clash(what: str, offers: Iterable[Registered]) -> str:
    """Two distributions offer one name: say which, and what to do."""
    makers = " and ".join(dict.fromkeys(f"{o.distribution} {o.version}" for o in offers))
    return f"{what} is offered more than once, by {makers}; uninstall one of them"


def _installed_plugins() -> Iterator[Plugin]:
    for entry in sorted(importlib.metadata.entry_points(group=hooks.GROUP), key=lambda e: e.name):
        distribution = entry.dist.name if entry.dist else "unknown"
        version = entry.dist.version if entry.dist else "unknown"
        yield Plugin(entry.name, distribution, version, entry.load)


def _strings(item: Any, count: int, hook: str, expected: str) -> tuple[str, ...]:
    right = isinstance(item, tuple) and len(item) == count
    if not right or not all(isinstance(part, str) and part for part in item):
        raise UserError(f"{hook} gave {item!r}; expected {expected}")
    if ":" not in item[-1]:
        raise UserError(f"{hook} gave the path {item[-1]!r}; expected 'package.module:Name'")
    return tuple(item)


def _resolve(offer: Registered) -> Any:
    """The object behind an offer, or UserError that says whose import failed."""
    try:
        return _import(offer.path)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UserError(
            f"{offer.kind} '{offer.name}' of {offer.distribution} {offer.version} "
            f"({offer.path}) cannot be imported: {_reason(error)}"
        ) from error


def _is_abstract(attribute: Any) -> bool:
    return bool(getattr(attribute, "__isabstractmethod__", False))


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _import(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
