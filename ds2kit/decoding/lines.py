"""JSON objects, one a line, in a file that grows and may be cut off anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from ds2kit.errors import UserError


def read_lines(path: Path, needs: str) -> Iterator[dict[str, Any]]:
    """The whole lines of a file; what was cut off after them is taken away. None of none.

    needs: what each object must have
    Raises UserError, with the number of the line, where one is something else.
    """
    if not path.is_file():
        return
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            read = json.loads(line)
        except ValueError:
            read = None
        if not isinstance(read, dict) or needs not in read:
            raise UserError(
                f"{path}, line {number}: no JSON object with '{needs}'; "
                "remove the file to begin anew"
            )
        yield read


def write_lines(file: IO[bytes], lines: Iterable[Mapping[str, Any]]) -> None:
    """Append objects to a file, and hand them to the system."""
    for line in lines:
        file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    file.flush()
