"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import gzip
import lzma
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ds2kit.errors import UserError
from ds2kit.files import check_folder, opened, whole_file, whole_folder


class Stopped(Exception):
    """Something else went wrong."""


def write_half(path: Path, error: type[BaseException]) -> None:
    path.write_text("half")
    raise error


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def small_files() -> Iterator[None]:
    """Writing more than 1,000 bytes to a file fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"

    with whole_file(path) as aside:
        aside.write_text("whole")
        assert not path.exists()

    assert path.read_text() == "whole"
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("error", [Stopped, KeyboardInterrupt])
def test_a_file_stays_as_it_was(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    with pytest.raises(error), whole_file(path) as aside:
        write_half(aside, error)

    assert path.read_text() == "before"
    assert names(tmp_path) == ["file"]


def test_a_full_disk_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    said = r"file could not be written: .*nothing was kept"
    with pytest.raises(UserError, match=said) as told, small_files(), whole_file(path) as aside:
        aside.write_bytes(bytes(5000))

    assert "\n" not in str(told.value)
    assert path.read_text() == "before"
    assert names(tmp_path) == ["file"]


def test_a_folder_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder"

    with whole_folder(path) as aside:
        (aside / "inner").mkdir()
        (aside / "inner" / "file").write_text("whole")
        assert not path.exists()

    assert (path / "inner" / "file").read_text() == "whole"
    assert names(path.parent) == ["folder"]


def test_a_folder_does_not_appear(tmp_path: Path) -> None:
    with pytest.raises(Stopped), whole_folder(tmp_path / "folder") as aside:
        write_half(aside / "file", Stopped)

    assert names(tmp_path) == []


def test_a_folder_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("before")

    with pytest.raises(UserError, match="exists already"), whole_folder(tmp_path / "folder"):
        pytest.fail("it may not be entered")

    assert (tmp_path / "folder" / "file").read_text() == "before"
    assert names(tmp_path) == ["folder"]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file, no folder")

    inside = tmp_path / "file" / "inside"
    with pytest.raises(UserError, match="could not be written"), whole_file(inside) as aside:
        aside.write_text("never")

    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_what_is_packed_is_read_as_if_it_were_not(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    (tmp_path / "any name").write_bytes(pack(b"one\ntwo"))

    with opened(tmp_path / "any name") as file:
        assert file.readline() == b"one\n"
        assert file.read() == b"two"


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_cut_archive_is_told(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(pack(os.urandom(5000))[:-100])

    damaged = pytest.raises(UserError, match="cut is compressed, and cut or damaged")
    with damaged, opened(tmp_path / "cut") as file:
        file.read()


def test_a_folder_is_asked_for_before_the_work(tmp_path: Path) -> None:
    check_folder(tmp_path / "made.txt")
    with pytest.raises(UserError, match="nowhere is no folder; make it, or write"):
        check_folder(tmp_path / "nowhere" / "made.txt")
    with pytest.raises(UserError, match="is a folder; name a file"):
        check_folder(tmp_path)
