"""Text files, plain or compressed, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ds2kit.errors import UserError
from ds2kit.files import opened
from ds2kit.text.normalise import Normaliser

LONGEST_LINE = 1 << 24
"""Bytes; what has no end of line for longer is no text of sentences."""


def read_lines(paths: Iterable[Path], normalise: Normaliser) -> Iterator[str]:
    """The normalised lines of UTF-8 files, gzip and xz too; blank ones are left out.

    Raises UserError, with the line's number, where a file is no text in UTF-8.
    """
    for path in paths:
        with opened(path) as file:
            number = 0
            while line := file.readline(LONGEST_LINE):
                number += 1
                if normalised := normalise(_decoded(path, number, line)):
                    yield normalised


def _decoded(path: Path, number: int, line: bytes) -> str:
    if len(line) == LONGEST_LINE:
        raise UserError(
            f"{path}, line {number} is longer than {LONGEST_LINE >> 20} MiB; "
            "expected a sentence a line"
        )
    if b"\0" in line:
        raise UserError(f"{path}, line {number} holds a zero byte; expected text in UTF-8")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, line {number} is not UTF-8 (byte 0x{line[error.start]:02x}); convert it, "
            "for example with iconv"
        ) from None
    return text.removeprefix("\ufeff") if number == 1 else text
