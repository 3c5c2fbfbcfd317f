"""What the results in a folder depend on, kept beside them in settings.json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ds2kit.config import plain
from ds2kit.data.index import Index
from ds2kit.errors import Problems, UserError
from ds2kit.files import whole_file
from ds2kit.model_folder import WEIGHTS
from ds2kit.options import Chosen

SETTINGS = "settings.json"

PLACES = ("data", "files")
"""Where the data and the decoder's files lie: they may be moved, it is their digests that count."""


def settings_of(
    model_folder: Path, data: Path, split: str, index: Index, decoder: Chosen
) -> dict[str, Any]:
    """All that hypotheses depend on; the decoder's files by their digests, wherever they lie."""
    files: dict[str, str] = {}
    return {
        "data": str(data),
        "split": split,
        "decoder": plain(_by_digest(decoder, files)),
        "files": files,
        "model_digest": digest(model_folder / WEIGHTS),
        "index_digest": index.digest,
    }


def begin_with(folder: Path, settings: Mapping[str, Any], verb: str, *, begun: bool) -> None:
    """Write what a folder's results depend on; where there are some, see that it is the same.

    verb:  what the command does, for the messages
    begun: whether there are results
    Raises Problems with the differences.
    """
    path = folder / SETTINGS
    now = json.dumps(dict(settings), indent=1, ensure_ascii=False) + "\n"
    before = _read_settings(path, verb) if path.is_file() else {}
    changed = [
        f"{name}: {before.get(name)} -> {value}"
        for name, value in json.loads(now).items()
        if before.get(name) != value and name not in PLACES
    ]
    if begun and changed:
        raise Problems(f"{folder} was begun with other settings; remove it to {verb} anew", changed)
    if before != json.loads(now):
        with whole_file(path) as aside:
            aside.write_text(now, encoding="utf-8")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal. Raises UserError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def _by_digest(chosen: Chosen, files: dict[str, str]) -> Chosen:
    """A component with digests in the place of its files; where those lie is added to `files`."""
    options: dict[str, Any] = {}
    for name, value in chosen.options.items():
        options[name] = value
        if isinstance(value, Chosen):
            options[name] = _by_digest(value, files)
        elif isinstance(value, Path):
            options[name] = f"sha256:{digest(value)}"
            files[options[name]] = str(value)
    return Chosen(chosen.kind, chosen.name, options)


def _read_settings(path: Path, verb: str) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise UserError(f"{path} is damaged; remove {path.parent} to {verb} anew")
    return settings
