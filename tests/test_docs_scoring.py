"""The page on scoring: its commands run, and print what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ds2kit.data.index import FORMAT, SCHEMA, Index

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DS2KIT = f"{sys.executable} -c 'from ds2kit.cli.main import main; main()'"

CORPORA = Path(os.environ.get("DS2KIT_CORPORA", ROOT.parent / "shared" / "corpora"))


def steps() -> list[tuple[str, str]]:
    """(command, what it prints) in order, after the first block, and (Python, "")."""
    page = (ROOT / "docs" / "scoring.md").read_text(encoding="utf-8")
    found = []
    for kind, text in BLOCK.findall(page):
        if kind == "python":
            found.append((text, ""))
        else:
            shown = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)[1:]
            found += list(zip(shown[::2], shown[1::2], strict=True))
    return found


def preparing() -> list[str]:
    return [command for command, _ in steps() if re.match("ds2kit (prepare|decode)|cp ", command)]


def ran(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(command, what the page says that it prints, what it prints) of what comes afterwards."""
    for command, shown in steps():
        if command in preparing() or (command.startswith("sctk") and not shutil.which("sctk")):
            continue
        arguments = ["sh", "-c", re.sub("^ds2kit", DS2KIT, command)]
        if "\n" in command:
            arguments = [sys.executable, "-c", command]
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        yield command, shown, done.stdout


def decoded(work: Path) -> None:
    """An index of ten digits, and two models' hypotheses of it, the second with an error."""
    digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    numbers = {"offset": 0, "bytes": 1, "sample_rate": 8000, "crc32": 0, "shard": "0.tar"}
    rows = [
        {"key": f"{i}_anna_0", "text": digit, "speaker": "anna", "samples": 800 * i + 800} | numbers
        for i, digit in enumerate(digits)
    ]
    schema = SCHEMA.with_metadata({"ds2kit": json.dumps({"format": FORMAT})})
    split = work / "data" / "test"
    split.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), split / "index.parquet")
    settings = {"data": str(work / "data"), "index_digest": Index.load(split).digest}
    for model, eight in (("digits", "eight"), ("streaming", "eigh")):
        folder = work / model / "decode" / "test" / "greedy"
        folder.mkdir(parents=True)
        texts = [eight if digit == "eight" else digit for digit in digits]
        lines = [{"key": row["key"], "text": text} for row, text in zip(rows, texts, strict=True)]
        heard = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "hypotheses.jsonl").write_text(heard)
        (folder / "settings.json").write_text(json.dumps(settings))


def test_every_command_runs(tmp_path: Path) -> None:
    """On ten utterances of no corpus."""
    decoded(tmp_path / "work")

    printed = {command: out for command, _, out in ran(tmp_path)}

    assert len(preparing()) == 4
    assert len(printed) >= 6
    assert "1 x eight > eigh" in printed["ds2kit score work/streaming test --by seconds"]
    assert "A is better" in printed["ds2kit compare work/digits work/others test --data work/data"]
    [sliced] = [out for command, out in printed.items() if "--json" in command]
    assert list(json.loads(sliced)["slices"]) == ["text", "seconds"]


@pytest.mark.slow
@pytest.mark.skipif(
    not (CORPORA / "digits" / "audio.tar").is_file(), reason=f"{CORPORA} has no digits"
)
def test_every_command_prints_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    shutil.copytree(
        ROOT / "recipes" / "digits",
        tmp_path / "recipes" / "digits",
        ignore=shutil.ignore_patterns("work"),
    )
    (tmp_path / "models").symlink_to(ROOT / "models")
    (tmp_path / "work").mkdir()
    for command in preparing():
        subprocess.run(
            ["sh", "-c", re.sub("^ds2kit", DS2KIT, command)],
            cwd=tmp_path,
            env=os.environ | {"DS2KIT_CORPORA": str(CORPORA.resolve())},
            check=True,
        )

    compared = [(shown, printed) for _, shown, printed in ran(tmp_path) if shown]

    assert len(compared) == 3
    for shown, printed in compared:
        assert printed == shown
