"""Files that appear whole or not at all, and compressed ones that are read as if they were not."""

from __future__ import annotations

import filecmp
import gzip
import io
import lzma
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ds2kit.errors import UserError

BLOCK = 1 << 20
"""Bytes that are decompressed at once."""


def check_folder(path: Path) -> None:
    """Before long work: raises UserError where the folder of a file to write is not there."""
    if not path.parent.is_dir():
        raise UserError(f"{path.parent} is no folder; make it, or write {path.name} to another")
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file to write")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path aside to write to; on success it is fsynced and renamed to `path`, else removed.

    Raises UserError where the disk refuses (full, read-only), with `path` as it was.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        with suppress(OSError):  # where the folder is none, nothing was written
            aside.unlink()


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file to read, decompressed where its first bytes say that it is gzip or xz.

    Raises UserError where it is missing or cannot be read, and while it is read where what is
    compressed is cut or damaged.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise UserError(f"{path} is not there; expected a file to read") from None
    except OSError as error:
        raise UserError(f"{path} could not be read: {error.strerror or error}") from error
    with file:
        begin = file.peek(6)
        unpacked: Any = None
        if begin.startswith(b"\x1f\x8b"):
            unpacked = gzip.GzipFile(fileobj=file)
        elif begin.startswith(b"\xfd7zXZ\x00"):
            unpacked = lzma.LZMAFile(file)  # noqa: SIM115  it closes nothing: `file` is not its own
        try:
            yield io.BufferedReader(unpacked, BLOCK) if unpacked else file
        except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
            raise UserError(
                f"{path} is compressed, and cut or damaged ({error}); get or make it again"
            ) from error


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file; nothing where the same one is there. Raises UserError as `whole_file` does."""
    if source == target or (target.is_file() and filecmp.cmp(source, target, shallow=False)):
        return
    with whole_file(target) as aside:
        shutil.copyfile(source, aside)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder aside to fill; on success it is renamed to `path`, else removed.

    Raises UserError where the disk refuses, or where `path` exists already.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if path.exists():
            raise UserError(f"{path} exists already; remove it to make it anew")
        aside.mkdir(parents=True)
        yield aside
        for written in aside.rglob("*"):
            if written.is_file():
                with written.open("rb") as opened:
                    os.fsync(opened.fileno())
        aside.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(path: Path, error: OSError) -> UserError:
    return UserError(f"{path} could not be written: {error.strerror or error}; nothing was kept")
