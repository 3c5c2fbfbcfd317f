"""A recipe's splits to shards: whole, or in parts on several machines that are joined after."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ds2kit.data.index import FILE, Index, by_duration, write_index
from ds2kit.data.recipe import Recipe
from ds2kit.data.shards import OnBad, write_split
from ds2kit.data.spool import NAMED, Progress, joined, repeated
from ds2kit.errors import UserError
from ds2kit.files import whole_folder

PARTS = ".parts"
"""Folder of the parts that have not been joined yet: DATA/.parts/SPLIT/03-of-16."""


@dataclass(frozen=True)
class Prepared:
    """A split, or a part of one.

    made: whether it was made now; False where it was there already, from the same recipe
    """

    name: str
    index: Index
    made: bool

    @property
    def utterances(self) -> int:
        return len(self.index)

    @property
    def hours(self) -> float:
        return float(self.index.seconds.sum()) / 3600

    @property
    def speakers(self) -> int:
        """Different speakers; an utterance may have none."""
        different = pc.unique(self.index.table.column("speaker"))
        return len(different) - bool(pc.any(pc.equal(different, "")).as_py())

    @property
    def skipped(self) -> int:
        """Bad utterances that were left out when it was made."""
        return int(self.index.made_from["skipped"])


@dataclass(frozen=True)
class Part:
    """The utterances number, number + parts, number + 2 parts and so on; from 1."""

    number: int
    parts: int

    @classmethod
    def parse(cls, text: str) -> Part:
        """From `3/16`. Raises UserError."""
        number, slash, parts = text.partition("/")
        if slash and number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts):
            return cls(int(number), int(parts))
        raise UserError(f"part {text!r} is none; expected such as 3/16, from 1/16 to 16/16")

    def folder(self, data: Path, split: str) -> Path:
        width = len(str(self.parts))
        return data / PARTS / split / f"{self.number:0{width}d}-of-{self.parts}"

    @property
    def prefix(self) -> str:
        """Of the names of its shards, so that all parts' fit in one folder."""
        return f"p{self.number:0{len(str(self.parts))}d}-"


def prepare(
    recipe: Recipe,
    data: Path,
    options: Mapping[str, Any],
    *,
    part: Part | None = None,
    on_bad: OnBad = "refuse",
    workers: int = 2,
    progress: Callable[[str], Progress] = lambda name: lambda stage, done: None,
    warn: Callable[[str], None] = lambda line: None,
) -> Iterator[Prepared]:
    """Write each split of a recipe to DATA/SPLIT, one after the other; or a part of each.

    What is there already from the same recipe and options stays as it is.

    progress: given the name of a split, told how it goes on
    warn:     told of bad utterances that were left out

    Raises UserError as `write_split` does, and where a split is there from another recipe.
    """
    made_from = _made_from(recipe, options)
    for name, utterances in recipe.splits(options).items():
        there = _there(data / name, made_from)
        folder = data / name
        if part is not None and there is None:
            folder = part.folder(data, name)
            there = _there(folder, made_from)
            utterances = islice(utterances, part.number - 1, None, part.parts)
        if there is not None:
            yield Prepared(name, there, made=False)
            continue
        index = write_split(
            folder,
            utterances,
            made_from=made_from,
            on_bad=on_bad,
            empty=part is not None,
            workers=workers,
            prefix="" if part is None else part.prefix,
            progress=progress(name),
            warn=warn,
        )
        yield Prepared(name, index, made=True)


def join(recipe: Recipe, data: Path, options: Mapping[str, Any]) -> Iterator[Prepared]:
    """Make one split of its parts, with one index in order of duration, and remove the parts.

    Raises UserError where a part is missing or from another recipe, and where two parts have
    utterances of one key.
    """
    made_from = _made_from(recipe, options)
    for name in recipe.splits(options):
        there = _there(data / name, made_from)
        made = there is None
        index = _join_split(data, name, made_from) if there is None else there
        # The parts go only now that the split is safe; one of an interrupted run goes as well.
        shutil.rmtree(data / PARTS / name, ignore_errors=True)
        if (data / PARTS).is_dir() and not any((data / PARTS).iterdir()):
            (data / PARTS).rmdir()
        yield Prepared(name, index, made)


def _join_split(data: Path, split: str, made_from: Mapping[str, Any]) -> Index:
    parts = [Index.load(folder) for folder in _parts(data, split)]
    for part in parts:
        _check_same(part, made_from)
    table = joined([part.table for part in parts])
    _check_joined(data / split, table)
    skipped = sum(part.made_from["skipped"] for part in parts)
    with whole_folder(data / split) as aside:
        for part in parts:
            for shard in sorted(part.folder.glob("*.tar")):
                _link(shard, aside / shard.name)
        write_index(aside, table.take(by_duration(table)), {**made_from, "skipped": skipped})
    return Index.load(data / split)


def _parts(data: Path, split: str) -> list[Path]:
    """Folders of all parts of a split, in their order."""
    folder = data / PARTS / split
    there = sorted(part.parent for part in folder.glob(f"*-of-*/{FILE}"))
    counts = {int(part.name.rpartition("-")[2]) for part in there}
    if not counts:
        raise UserError(f"{folder} holds no parts; run `ds2kit prepare` with --part 1/N and so on")
    if len(counts) > 1:
        named = ", ".join(part.name for part in there)
        raise UserError(f"{folder} holds parts of several runs ({named}); remove those of one")
    parts = counts.pop()
    wanted = [Part(number, parts) for number in range(1, parts + 1)]
    missing = [part for part in wanted if part.folder(data, split) not in there]
    if missing:
        named = ", ".join(f"{part.number}/{parts}" for part in missing[:NAMED])
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        raise UserError(f"{folder} lacks parts {named}{more}; run them with --part")
    return [part.folder(data, split) for part in wanted]


def _check_joined(folder: Path, table: pa.Table) -> None:
    again = repeated(table)
    if len(again):
        named = ", ".join(repr(table.column("key")[int(i)].as_py()) for i in again[:NAMED])
        raise UserError(
            f"{folder}: {len(again)} keys are in several parts ({named}); keys must be unique: "
            "mend prepare.py and prepare the parts again"
        )
    if not table.num_rows:
        raise UserError(f"{folder}: no utterances in any part; expected at least one")


def _made_from(recipe: Recipe, options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "prepare": recipe.digest,
        "options": {name: _plain(value) for name, value in options.items()},
    }


def _plain(value: Any) -> Any:
    """An option's value as JSON can hold it."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | int | float | None) else str(value)


def _there(folder: Path, made_from: Mapping[str, Any]) -> Index | None:
    """The index of a folder that was prepared already, from the same recipe."""
    if not (folder / FILE).is_file():
        return None
    index = Index.load(folder)
    _check_same(index, made_from)
    return index


def _check_same(index: Index, made_from: Mapping[str, Any]) -> None:
    before, now = index.made_from, dict(made_from)
    changed = []
    if before.get("prepare") != now["prepare"]:
        changed.append("another prepare.py")
    for name, value in now["options"].items():
        was = before.get("options", {}).get(name)
        if was != value:
            changed.append(f"{name}={was} instead of {value}")
    if changed:
        raise UserError(
            f"{index.folder} was prepared from {', '.join(changed)}; "
            f"remove {index.folder} to prepare it anew"
        )


def _link(shard: Path, place: Path) -> None:
    """The shard at another place too, without a copy where the file system can."""
    try:
        os.link(shard, place)
    except OSError:
        shutil.copyfile(shard, place)
