"""Write what docs/ takes from the code: `python docs/generate.py`. A test compares.

cli.md     every command's --help
api.md     the public names, their signatures and docstrings
recipes.md the options of a yaml, between its two markers
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import click

import ds2kit
from ds2kit.cli.main import cli
from ds2kit.config import DEFAULT_COMPONENTS, SECTIONS
from ds2kit.options import REQUIRED, Option, expected, options_of
from ds2kit.registry import Plugin, Toolkit

DOCS = Path(__file__).resolve().parent

PUBLIC: dict[str, tuple[str, ...]] = {
    "ds2kit": ("load",),
    "ds2kit.decoding.transcriber": ("Transcriber",),
    "ds2kit.decoding.stream": ("Stream",),
    "ds2kit.decoding.words": (
        "Transcript",
        "Partial",
        "TimedWord",
        "Emission",
        "WordsSoFar",
        "Told",
        "between_words",
    ),
    "ds2kit.decoding.frames": ("checked",),
    "ds2kit.decoding.pruning": ("likely",),
    "ds2kit.decoding.limits": ("Limits", "Weights"),
    "ds2kit.decoding.fusion": ("Fusion", "Prefix", "Following"),
    "ds2kit.decoding.lexicon": ("Lexicon", "Node", "Spellings", "read_lexicon"),
    "ds2kit.decoding.boundaries": ("Boundaries",),
    "ds2kit.decoding.coverage": ("LEAST_COVERAGE", "check_language_model"),
    "ds2kit.decoding.hot_words": ("HotWords", "checked_bonuses"),
    "ds2kit.types": ("Utterance", "Padded", "Chunk", "State", "Hypothesis", "Word", "Score"),
    "ds2kit.errors": ("UserError", "Problems", "close_name"),
    "ds2kit.components": (
        "BLANK",
        "Frontend",
        "StreamingFrontend",
        "Encoder",
        "StreamingEncoder",
        "Tokenizer",
        "Decoder",
        "StreamingDecoder",
        "LanguageModel",
        "Unit",
        "START",
        "END",
        "UNKNOWN",
        "WaveformAugmentation",
        "FeatureAugmentation",
    ),
    "ds2kit.hooks": (
        "hookimpl",
        "ds2kit_components",
        "ds2kit_kinds",
        "ds2kit_commands",
        "ds2kit_callbacks",
    ),
    "ds2kit.testing": (
        "EncoderContract",
        "StreamingContract",
        "FrontendContract",
        "StreamingFrontendContract",
        "TokenizerContract",
        "DecoderContract",
        "StreamingDecoderContract",
        "LanguageModelContract",
        "WaveformAugmentationContract",
        "FeatureAugmentationContract",
        "speech",
    ),
    "ds2kit.registry": ("Toolkit", "Plugin"),
    "ds2kit.settings": ("Config",),
    "ds2kit.text.char": ("Char",),
    "ds2kit.text.scripts": ("unspaced",),
    "ds2kit.lm.units": ("SPACE", "units_of", "written"),
    "ds2kit.lm.ngram": ("NGram", "counted_unit"),
    "ds2kit.lm.ngrams": ("LN_10", "MOST_ORDER", "NGrams"),
    "ds2kit.lm.arpa": ("read_unigrams",),
    "ds2kit.lm.perplexity": ("Perplexity", "measure"),
    "ds2kit.frontends.framing": ("FLOOR", "Framing", "FramedFrontend", "frame_statistics"),
    "ds2kit.audio.read": ("read",),
    "ds2kit.audio.write": ("wav",),
    "ds2kit.data.download": ("fetch", "extract"),
    "ds2kit.data.manifest": ("utterances",),
}
"""What plugins, recipes and programs may rely on; everything else may change."""

BEGIN = "<!-- options: written by docs/generate.py -->\n"
END = "<!-- end of options -->\n"


def main() -> None:
    pages = {
        "cli.md": cli_page(),
        "api.md": api_page(),
        "recipes.md": recipes_page((DOCS / "recipes.md").read_text(encoding="utf-8")),
    }
    for name, text in pages.items():
        (DOCS / name).write_text(text, encoding="utf-8")


def core() -> Toolkit:
    """What ds2kit itself brings, whatever else is installed."""
    plugin = Plugin(
        "core", "ds2kit", ds2kit.__version__, lambda: importlib.import_module("ds2kit.builtin")
    )
    return Toolkit([plugin])


def cli_page() -> str:
    """Each command's help, as a terminal of 80 columns shows it."""
    wide = {"terminal_width": 78, "max_content_width": 80}
    root = click.Context(cli, info_name="ds2kit", obj=core(), **wide, **cli.context_settings)
    parts = ["# Commands\n\nWhat `--help` says. Written by `python docs/generate.py`.\n"]
    for context in _contexts(root):
        helped = "\n".join(line.rstrip() for line in context.get_help().splitlines())
        parts.append(f"## {context.command_path}\n\n```text\n{helped}\n```\n")
    return "\n".join(parts)


def _contexts(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None:
                yield from _contexts(click.Context(command, info_name=name, parent=context))


def api_page() -> str:
    """Every public name."""
    parts = [
        "# Public names\n\n"
        "What plugins, recipes and programs may rely on; everything else may change. A change of "
        "these stands in CHANGELOG.md. Written by `python docs/generate.py`.\n"
    ]
    for module, names in PUBLIC.items():
        found = importlib.import_module(module)
        told = _first(inspect.getdoc(found))
        parts.append(f"## {module}\n\n{told}\n")
        parts += [_described(name, found) for name in names]
    return "\n".join(parts)


def _described(name: str, module: ModuleType) -> str:
    value = getattr(module, name)
    if value is Any or not (inspect.isclass(value) or inspect.isfunction(value)):
        return f"### `{name}`\n\n```text\n{_noted(name, module)}\n```\n"
    text = f"### `{name}{_signature(value)}`\n\n```text\n{inspect.getdoc(value)}\n```\n"
    members = list(_members(value)) if inspect.isclass(value) else []
    return text + ("\n" + "\n".join(members) + "\n" if members else "")


def _noted(name: str, module: ModuleType) -> str:
    """The text that stands below a constant, as below a class."""
    body = ast.parse(inspect.getsource(module)).body
    for one, following in pairwise(body):
        targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
        named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
        if named and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            return str(following.value.value)
    return "Marks the functions of a hook module that are hooks." if name == "hookimpl" else ""


class _Shown:
    """An annotation that is shown as it is written, without quotes."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _members(made: type[Any]) -> Iterator[str]:
    for name, member in vars(made).items():
        fixture = hasattr(member, "_pytestfixturefunction")  # a function until pytest 8.4
        if fixture or (name.startswith("_") and name != "__call__"):
            continue
        if isinstance(member, property):
            yield f"- `{name}`: {_first(inspect.getdoc(member))}".removesuffix(": ")
        elif isinstance(member, classmethod) or inspect.isfunction(member):
            called = getattr(made, name)
            told = _first(inspect.getdoc(called))
            yield f"- `{name}{_signature(called)}`: {told}".removesuffix(": ")


def _signature(called: Any) -> str:
    if inspect.isclass(called) and "__init__" not in vars(called):
        return ""
    signature = inspect.signature(called)
    kept = [
        p.replace(annotation=_Shown(p.annotation)) if isinstance(p.annotation, str) else p
        for p in signature.parameters.values()
        if p.name != "self"
    ]
    returned = signature.return_annotation
    if inspect.isclass(called):
        returned = signature.empty
    elif isinstance(returned, str):
        returned = _Shown(returned)
    return str(signature.replace(parameters=kept, return_annotation=returned))


def _first(text: str | None) -> str:
    """The first paragraph on one line."""
    return " ".join((text or "").split("\n\n")[0].split())


def recipes_page(page: str) -> str:
    """The page with its options made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + options() + END + after


def options() -> str:
    """Every section of a yaml and every component of the core, with options and defaults."""
    parts = []
    for section, kind in SECTIONS.items():
        hidden = ("waveform", "features") if section == "augment" else ()
        found = {n: o for n, o in options_of(kind).items() if n not in hidden}
        assert set(found) | set(hidden) == {field.name for field in fields(kind)}
        parts.append(_table(f"`{section}`", inspect.getdoc(kind) or "", found))
    toolkit = core()
    for offer in toolkit.components:
        default = ", the default" if DEFAULT_COMPONENTS.get(offer.kind) == offer.name else ""
        found = toolkit.options(offer.kind, offer.name)
        made = toolkit.component(offer.kind, offer.name)
        title = f"`{offer.kind}`: `{offer.name}`{default}"
        parts.append(_table(title, inspect.getdoc(made) or "", found))
    return "\n" + "\n".join(parts) + "\n"


def _table(title: str, told: str, found: dict[str, Option]) -> str:
    lines = [f"### {title}\n", f"```text\n{told}\n```\n"]
    if found:
        lines += ["| option | default | takes |", "| --- | --- | --- |"]
    for option in found.values():
        default = "must be given" if option.default is REQUIRED else f"`{_plain(option.default)}`"
        lines.append(f"| `{option.name}` | {default} | {expected(option.annotation)} |")
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> str:
    """A default as yaml writes it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list | tuple):
        return f"[{', '.join(_plain(item) for item in value)}]"
    return str(value)


if __name__ == "__main__":
    main()
