"""`ds2kit new`: a plugin or a recipe to start from."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

import click

from ds2kit.errors import UserError, close_name
from ds2kit.files import whole_folder
from ds2kit.registry import Toolkit

NAME = re.compile(r"[a-z][a-z0-9_]*")
ENDING = ".template"

YAML = {
    "language_model": "    decoder: {name: beam, language_model: {name: $name, path: FILE}}",
    "waveform_augmentation": "    augment:\n      waveform:\n        - {name: $name}",
    "feature_augmentation": "    augment:\n      features:\n        - {name: $name}",
}
"""How a recipe's yaml names a component; for the other kinds it is `kind: {name: ...}`."""


@click.group("new")
def command() -> None:
    """Write a folder to start from: a plugin with its tests, or a recipe."""


@command.command("plugin")
@click.argument("kind")
@click.argument("name")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where to write it; ./ds2kit-NAME by default."
)
@click.pass_obj
def plugin(toolkit: Toolkit, kind: str, name: str, folder: Path | None) -> None:
    """Write a distribution that brings the component NAME.

    KIND is encoder, frontend, tokenizer, decoder, language_model, waveform_augmentation or
    feature_augmentation.
    It works as it is: install it, run its tests, then replace what it computes.
    """
    scaffold = files("ds2kit") / "scaffold"
    templates = scaffold / "kinds" / kind
    _refuse_kind(kind, scaffold / "kinds")
    _refuse_name(name)
    if name in toolkit.names(kind):
        maker = toolkit.find(kind, name).distribution
        raise UserError(f"{kind} '{name}' is in {maker} already; choose another name")
    class_name = "".join(part.capitalize() for part in name.split("_"))
    words = {
        "kind": kind,
        "title": kind.replace("_", " "),
        "name": name,
        "class_name": class_name,
        "package": f"ds2kit_{name}",
        "distribution": f"ds2kit-{name.strip('_').replace('_', '-')}",
    }
    if keyword.iskeyword(class_name) or _mentions(templates, class_name):
        raise UserError(
            f"'{name}' would make a class {class_name}, which a {words['title']} needs for "
            "something else; choose another name"
        )
    words["yaml"] = Template(YAML.get(kind, f"    {kind}: {{name: $name}}")).substitute(words)
    target = folder or Path(words["distribution"])
    _write(target, words, scaffold / "plugin", templates)
    click.echo(
        f"{target} is a plugin with the {words['title']} '{name}'. Next:\n"
        f'  cd {target} && pip install -e ".[test]" && pytest\n'
        "  ds2kit plugins --check"
    )


@command.command("recipe")
@click.argument("name")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where to write it; ./NAME by default."
)
def recipe(name: str, folder: Path | None) -> None:
    """Write a recipe for a table of your own recordings.

    The table has a column `path` and a column `text`; speaker, split and others may follow.
    """
    _refuse_name(name)
    target = folder or Path(name)
    _write(target, {"name": name}, files("ds2kit") / "scaffold" / "recipe")
    click.echo(
        f"{target} is a recipe. Next:\n"
        f"  write {target / 'table.tsv'}: what is there shows how\n"
        f"  {target / 'run.sh'}"
    )


def _refuse_kind(kind: str, kinds: Traversable) -> None:
    known = sorted(folder.name for folder in kinds.iterdir() if folder.is_dir())
    if kind not in known:
        hint = close_name(kind, known)
        raise UserError(f"'{kind}' is no kind to start from{hint} (kinds: {', '.join(known)})")


def _refuse_name(name: str) -> None:
    if NAME.fullmatch(name):
        return
    letters = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")
    such = f", such as '{letters}'" if NAME.fullmatch(letters) else ""
    raise UserError(
        f"'{name}' is no name for it; expected a to z, digits and _, a letter first{such}"
    )


def _mentions(templates: Traversable, word: str) -> bool:
    """Whether a template uses the word itself, as the name of something that it imports."""
    return any(re.search(rf"\b{word}\b", text) for _, text in _texts(templates))


def _write(target: Path, words: Mapping[str, str], *sources: Traversable) -> None:
    """Fill the templates of all sources into a new folder: all of them, or nothing."""
    if target.exists():
        raise UserError(f"{target} exists already; choose another place with --folder")
    with whole_folder(target) as aside:
        for source in sources:
            for path, text in _texts(source):
                named = str(path).replace("PACKAGE", words.get("package", ""))
                written = aside / named.replace("NAME", words["name"])
                written.parent.mkdir(parents=True, exist_ok=True)
                written.write_text(Template(text).substitute(words), encoding="utf-8")
                if text.startswith("#!"):
                    written.chmod(0o755)


def _texts(folder: Traversable) -> Iterator[tuple[PurePosixPath, str]]:
    """The templates of a folder: where each belongs in it, and its text."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from ((entry.name / inside, text) for inside, text in _texts(entry))
        elif entry.name.endswith(ENDING):
            name = entry.name.removesuffix(ENDING)
            yield PurePosixPath(name), entry.read_text(encoding="utf-8")
