"""A corpus as one table and a tar of audio for each split: `manifest.tsv`, `SPLIT.tar`."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from ds2kit.audio.read import opened
from ds2kit.errors import UserError
from ds2kit.types import Utterance

FILE = "manifest.tsv"

NEEDED = ("id", "split", "speaker", "seconds", "text")
"""Columns that a manifest has; there may be more."""

TOLERANCE_SECONDS = 0.05
"""The table may be rounded."""


def utterances(folder: Path, split: str, columns: Sequence[str] = ()) -> Iterator[Utterance]:
    """The utterances that the table in a folder has in a split, in its order.

    The table is tab-separated without quotes, its first line names the columns: id, split,
    speaker, seconds, text, and more. A member of the tar is an id with the extension of its
    audio, in a folder or not. What stands in one of the two alone, an empty transcript, and
    audio of another length than the table says is an utterance's `problem`.

    columns: further columns to keep

    Raises UserError where table or tar is missing, or not what it should be.
    """
    rows = _rows(folder / FILE, split, columns)
    archive = folder / f"{split}.tar"
    listed = {row["id"] for row in rows}
    try:
        with tarfile.open(archive) as tar:
            members = {PurePosixPath(member.name).stem: member for member in tar if member.isreg()}
            for row in rows:
                audio = _content(tar, members.get(row["id"]))
                problem = _problem(row, audio, archive)
                kept = {name: row[name] for name in columns}
                text, speaker = row["text"], row["speaker"]
                yield Utterance(row["id"], audio, text, speaker, columns=kept, problem=problem)
            for name in sorted(members.keys() - listed):
                problem = f"{folder / FILE} does not list it in split {split}"
                yield Utterance(name, b"", "", problem=problem)
    except FileNotFoundError as error:
        raise UserError(f"{archive} is not there; expected the audio of split {split}") from error
    except (tarfile.TarError, EOFError) as error:
        raise UserError(f"{archive} is not a whole tar archive ({error}); get it anew") from error


def _rows(path: Path, split: str, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
            missing = [n for n in (*NEEDED, *columns) if n not in (table.fieldnames or ())]
            if missing:
                raise UserError(
                    f"{path} has no column {', '.join(missing)}; expected tab-separated columns "
                    "whose names stand in the first line"
                )
            rows = list(table)
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there; expected a table of utterances") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 ({error.reason} at byte {error.start})") from error
    chosen = [row for row in rows if row["split"] == split]
    if not chosen:
        there = ", ".join(sorted({row["split"] for row in rows})) or "none"
        raise UserError(f"{path} lists nothing in split {split}; its splits: {there}")
    return chosen


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo | None) -> bytes:
    """The bytes of a plain file; none where it is not there."""
    file = None if member is None else tar.extractfile(member)
    return b"" if file is None else file.read()


def _problem(row: Mapping[str, str], audio: bytes, archive: Path) -> str:
    """What is wrong with an utterance, or nothing; broken audio is left to who decodes it."""
    if not audio:
        return f"its audio is not in {archive}"
    if not row["text"].strip():
        return "its transcript is empty"
    try:
        listed = float(row["seconds"])
    except ValueError:
        return f"seconds is {row['seconds']!r} in {FILE}; expected a number"
    try:
        with opened(audio, "its audio") as recording:
            samples, rate = recording.samples, recording.sample_rate
    except UserError as error:
        return str(error)
    if samples is not None and not abs(samples / rate - listed) <= TOLERANCE_SECONDS:
        return f"its audio has {samples / rate:.3f} s, and {FILE} says {listed:.3f}"
    return ""
