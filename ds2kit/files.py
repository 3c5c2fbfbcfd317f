"""Files that appear whole or not at all."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ds2kit.errors import UserError


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
