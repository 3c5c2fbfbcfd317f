"""What the file of an n-gram model says before KenLM reads it: its units, and what they are."""

from __future__ import annotations

import gzip
import lzma
import mmap
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from ds2kit.components import END, START, UNKNOWN, Unit
from ds2kit.errors import UserError

HIGHEST_ORDER = 6
"""What the KenLM of flashlight-text's wheels was built for."""

UNIT_LINE = "# ds2kit unit="
"""How `ds2kit lm` says, before the model, what it counts."""

UNITS: dict[str, Unit] = {"word": "word", "character": "character", "token": "token"}

GZIP, BINARY = b"\x1f\x8b", b"mmap lm http://kheafield.com/code"

REFUSED = {b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
"""Compression that the wheels' KenLM was built without, by its first bytes."""


@dataclass(frozen=True)
class ModelFile:
    """The units of an n-gram model, without the beginning, the end and the unknown one.

    unit:  what they are; as the file says, or characters where each is one code point, else words
    order: how many of them in a row it looks at, at most
    """

    unit: Unit
    order: int
    vocabulary: tuple[str, ...]


def read_model_file(path: Path) -> ModelFile:
    """The units of a model in ARPA's format, compressed by gzip or not, or in KenLM's own.

    Raises UserError where there is no such file, or KenLM would not read it.
    """
    try:
        with path.open("rb") as file:
            first = file.read(len(BINARY))
        for magic, name in REFUSED.items():
            if first.startswith(magic):
                raise UserError(
                    f"{path} is compressed by {name}, which KenLM cannot read here; compress it "
                    "by gzip (.arpa.gz)"
                )
        if first == BINARY:
            return _of_binary(path)
        return _of_arpa(path, compressed=first.startswith(GZIP))
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
        raise _no_model(path, f"its compression breaks off: {error}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _no_model(path, "it is no UTF-8 text") from error


def _of_arpa(path: Path, *, compressed: bool) -> ModelFile:
    opener = gzip.open if compressed else open
    with opener(path, "rt", encoding="utf-8") as file:
        lines = (line.rstrip("\r\n") for line in file)
        head = list(takewhile(lambda line: line.strip() != "\\1-grams:", lines))
        order, unigrams = _unigrams(path, head, lines)
    said = next((line for line in head if line.startswith(UNIT_LINE)), "")
    unit = UNITS.get(said.removeprefix(UNIT_LINE).strip()) if said else None
    if said and unit is None:
        raise _no_model(path, f"its first line is {said!r}; expected one of {', '.join(UNITS)}")
    return ModelFile(unit or _guessed(unigrams), order, unigrams)


def _unigrams(path: Path, head: list[str], lines: Iterator[str]) -> tuple[int, tuple[str, ...]]:
    """The order, and the units, of the lines that follow `\\1-grams:`."""
    counts = dict(
        line.removeprefix("ngram ").replace(" ", "").split("=", 1)
        for line in head
        if line.startswith("ngram ") and "=" in line
    )
    if "\\data\\" not in {line.strip() for line in head} or not counts.get("1", "").isdigit():
        raise _no_model(path, "it holds no \\data\\ section with the number of its 1-grams")
    order = max(int(n) for n in counts if n.isdigit())
    if order > HIGHEST_ORDER:
        raise UserError(
            f"{path} is of order {order}; the KenLM of flashlight-text takes {HIGHEST_ORDER} at "
            f"most: make it with --order {HIGHEST_ORDER}"
        )
    found = []
    for line in takewhile(lambda line: line.strip(), lines):
        fields = line.split("\t") if "\t" in line else line.split()
        if "\t" not in line or len(fields) not in (2, 3):
            raise _no_model(path, f"{line[:40]!r} is no 1-gram with a tab after its probability")
        found.append(fields[1])
    if len(found) != int(counts["1"]):
        raise _no_model(path, f"it has {len(found)} of the {counts['1']} 1-grams that it announces")
    return order, _without_markers(path, found)


def _of_binary(path: Path) -> ModelFile:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        # The words stand at the end, each closed by a zero byte, the unknown one first.
        start = data.rfind(UNKNOWN.encode() + b"\0")
        words = data[start:].decode().split("\0")[:-1] if start >= 0 else []
    if not words:
        raise _no_model(path, "it was built without its words")
    unigrams = _without_markers(path, words)
    return ModelFile(_guessed(unigrams), HIGHEST_ORDER, unigrams)


def _without_markers(path: Path, units: list[str]) -> tuple[str, ...]:
    markers = {START, END, UNKNOWN, UNKNOWN.upper()}
    kept = tuple(unit for unit in units if unit not in markers)
    if not kept:
        raise _no_model(path, "it knows no unit")
    return kept


def _guessed(units: tuple[str, ...]) -> Unit:
    return "character" if all(len(unit) == 1 for unit in units) else "word"


def _no_model(path: Path, problem: str) -> UserError:
    return UserError(
        f"{path} is no n-gram model that KenLM reads: {problem}; make it again, as by `ds2kit lm`"
    )
