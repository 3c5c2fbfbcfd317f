"""The transcripts of prepared splits, a line each: python transcripts.py SPLIT... > FILE"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq


def transcripts(split: Path) -> Iterator[str]:
    """From the index, in its order."""
    table = pq.read_table(split / "index.parquet", columns=["text"])
    yield from table.column("text").to_pylist()


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    for path in map(Path, sys.argv[1:]):
        if not path.is_dir():
            sys.exit(f"transcripts.py: {path} is not there; prepare it first (stage 1)")
        for text in transcripts(path):
            print(text)
