"""KenLM's `lmplz`, where it is installed: the same model of texts that are too large for memory."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, cast

from ds2kit.components import Unit
from ds2kit.errors import UserError
from ds2kit.files import whole_file
from ds2kit.lm.arpa import check_ending, first_line


def find_lmplz() -> str:
    """The program. Raises UserError where it is not on the PATH."""
    program = shutil.which("lmplz")
    if program is None:
        raise UserError(
            "lmplz is not on the PATH; install KenLM's tools, or leave --lmplz out: ds2kit makes "
            "the same model"
        )
    return program


def estimate_with_lmplz(
    path: Path,
    sentences: Iterable[Sequence[str]],
    order: int,
    unit: Unit,
    thresholds: Sequence[int],
    gigabytes: float,
) -> None:
    """Write the ARPA file of sentences that `lmplz` makes, whole or not at all.

    gigabytes: memory that it may take; it sorts the rest beside `path`

    Raises UserError where it fails, with its last line.
    """
    check_ending(path)
    program = find_lmplz()
    with tempfile.TemporaryDirectory(prefix=".lmplz.", dir=path.parent) as folder:
        made, told = Path(folder) / "lm.arpa", Path(folder) / "log"
        command = [program, "-o", str(order), "-S", f"{int(gigabytes * 1024)}M", "-T", folder]
        command += ["--arpa", str(made), "--discount_fallback"]
        command += ["--prune", *map(str, thresholds)]
        with told.open("wb") as log:
            running = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=log)
            try:
                _send(running, sentences)
            except BaseException:
                running.kill()
                raise
            finally:
                status = running.wait()
        if status or not made.is_file():
            lines = told.read_text("utf-8", "replace").strip().splitlines()
            raise UserError(f"lmplz ended with status {status}: {lines[-1] if lines else ''}")
        _keep(made, path, unit)


def _send(running: subprocess.Popen[bytes], sentences: Iterable[Sequence[str]]) -> None:
    """Give it the text; where it has ended already, its status says why."""
    assert running.stdin is not None, "a pipe was asked for"
    try:
        for units in sentences:
            running.stdin.write(f"{' '.join(units)}\n".encode())
        running.stdin.close()
    except BrokenPipeError:
        return


def _keep(made: Path, path: Path, unit: Unit) -> None:
    """The file under its name, with our first line, compressed where the name says so."""
    with whole_file(path) as aside, aside.open("wb") as file, made.open("rb") as source:
        if path.suffix != ".gz":
            file.write(first_line(unit))
            shutil.copyfileobj(source, file)
            return
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
            packed.write(first_line(unit))
            shutil.copyfileobj(source, cast(IO[bytes], packed))
