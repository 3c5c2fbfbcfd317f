"""Fetching from a server that behaves, or does not, and unpacking archives that mean harm."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ds2kit.data.download import extract, fetch
from ds2kit.errors import UserError

CONTENT = np.random.default_rng(1).bytes(3_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _content(server: Any) -> None:
    server.content = CONTENT


def test_brings_a_file_and_asks_only_once(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "corpus.tar"

    assert fetch(server.url, path, sha256=DIGEST) == path
    fetch(server.url, path, sha256=DIGEST)

    assert path.read_bytes() == CONTENT
    assert server.asked == [None]
    assert [found.name for found in path.parent.iterdir()] == ["corpus.tar"]


@pytest.mark.parametrize("tells_length", [True, False])
def test_goes_on_within_a_run_where_the_server_can(
    server: Any, tmp_path: Path, tells_length: bool
) -> None:
    server.break_after = [1_000_000, 500_000]

    fetch(server.url, tmp_path / "a", sha256=DIGEST, wait_seconds=0)

    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000000-", "bytes=1500000-"]


def test_goes_on_in_the_next_run(server: Any, tmp_path: Path) -> None:
    server.break_after = [1_000_000]
    with pytest.raises(
        UserError, match=r"broke off after 1000000 of 3000000 bytes.*again to go on"
    ):
        fetch(server.url, tmp_path / "a", sha256=DIGEST, attempts=1)
    assert not (tmp_path / "a").exists()

    fetch(server.url, tmp_path / "a", sha256=DIGEST, attempts=1)

    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.asked[1] == "bytes=1000000-"


def test_begins_again_where_the_server_cannot_go_on(server: Any, tmp_path: Path) -> None:
    server.ranges, server.break_after = False, [1_000_000]

    fetch(server.url, tmp_path / "a", sha256=DIGEST, wait_seconds=0)

    assert (tmp_path / "a").read_bytes() == CONTENT


def test_begins_again_in_the_next_run_where_the_server_cannot_go_on(
    server: Any, tmp_path: Path
) -> None:
    server.ranges, server.break_after = False, [1_000_000]
    with pytest.raises(UserError, match="broke off"):
        fetch(server.url, tmp_path / "a", md5=MD5, attempts=1)
    assert [path.name for path in tmp_path.iterdir()] == [".a.partial"]

    fetch(server.url, tmp_path / "a", md5=MD5, attempts=1)

    assert (tmp_path / "a").read_bytes() == CONTENT


def test_does_not_glue_on_another_range(server: Any, tmp_path: Path) -> None:
    server.break_after, server.wrong_range = [1_000_000], True

    fetch(server.url, tmp_path / "a", sha256=DIGEST, wait_seconds=0)

    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000000-", None]


@pytest.mark.parametrize("excess", [0, 10])
def test_what_is_whole_already_or_stale(server: Any, tmp_path: Path, excess: int) -> None:
    (tmp_path / ".a.partial").write_bytes(CONTENT + b"x" * excess)

    fetch(server.url, tmp_path / "a", sha256=DIGEST, wait_seconds=0)

    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize(("kind", "found"), [("sha256", DIGEST), ("md5", MD5)])
def test_refuses_another_content_and_keeps_nothing(
    server: Any, tmp_path: Path, kind: str, found: str
) -> None:
    with pytest.raises(UserError, match=f"{kind} is {found}, expected 0000"):
        fetch(server.url, tmp_path / "a", **{kind: "0" * len(found)})

    assert list(tmp_path.iterdir()) == []


def test_both_checksums_are_checked(server: Any, tmp_path: Path) -> None:
    fetch(server.url, tmp_path / "a", sha256=DIGEST, md5=MD5)
    with pytest.raises(UserError, match="md5 is"):
        fetch(server.url, tmp_path / "b", sha256=DIGEST, md5=DIGEST[:32])


def test_a_missing_file_is_asked_for_once(server: Any, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(UserError, match="404"):
        fetch(server.url, tmp_path / "a", wait_seconds=0)
    assert len(server.asked) == 1


def test_a_server_in_trouble_is_asked_again(server: Any, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(UserError, match="503"):
        fetch(server.url, tmp_path / "a", attempts=3, wait_seconds=0)
    assert len(server.asked) == 3


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="refused"):
        fetch("http://127.0.0.1:9/a", tmp_path / "a", attempts=2, wait_seconds=0)


@pytest.mark.parametrize(
    "url", ["http://example.org/a", "ftp://example.org/a", "file:///etc/passwd"]
)
def test_only_https(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must begin with https"):
        fetch(url, tmp_path / "a")


def test_a_redirect_stays_with_https(server: Any, tmp_path: Path) -> None:
    server.status, server.location = 302, "http://example.org/a"
    with pytest.raises(UserError, match=r"http://example.org/a: .* https"):
        fetch(server.url, tmp_path / "a", attempts=1)


def test_a_disk_that_refuses_is_not_asked_again(server: Any, tmp_path: Path) -> None:
    (tmp_path / ".a.partial").mkdir()
    with pytest.raises(UserError, match="could not be written"):
        fetch(server.url, tmp_path / "a", wait_seconds=0)
    assert len(server.asked) == 1


def _tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as opened:  # type: ignore[call-overload]
        for member, content in members:
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return path


def _file(name: str, content: bytes = b"sound") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


def _special(name: str, kind: bytes, linkname: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, linkname
    return member, b""


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_unpacks_files_and_folders(tmp_path: Path, mode: str) -> None:
    members = [_special("corpus", tarfile.DIRTYPE), _file("corpus/a.wav"), _file("b/c.wav", b"")]
    archive = _tar(tmp_path / "a.tar", members, mode)

    extract(archive, tmp_path / "out")

    found = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*")}
    assert found == {"corpus", "corpus/a.wav", "b", "b/c.wav"}
    assert (tmp_path / "out/corpus/a.wav").read_bytes() == b"sound"


HARM = {
    "up": (_file("../outside"), "outside the folder"),
    "up and down": (_file("a/../../outside"), "outside the folder"),
    "absolute": (_file("/tmp/ds2kit-outside"), "outside the folder"),
    "backslash": (_file("..\\outside"), "outside the folder"),
    "symbolic link": (_special("link", tarfile.SYMTYPE, "/etc/passwd"), "is a link"),
    "link inside": (_special("link", tarfile.SYMTYPE, "good"), "is a link"),
    "hard link": (_special("link", tarfile.LNKTYPE, "good"), "is a link"),
    "character device": (_special("null", tarfile.CHRTYPE), "no plain file"),
    "block device": (_special("disk", tarfile.BLKTYPE), "no plain file"),
    "pipe": (_special("pipe", tarfile.FIFOTYPE), "no plain file"),
}


@pytest.mark.parametrize("harm", HARM)
def test_refuses_what_is_no_plain_file_inside(tmp_path: Path, harm: str) -> None:
    member, reason = HARM[harm]
    archive = _tar(tmp_path / "a.tar", [_file("good"), member])

    with pytest.raises(UserError, match=re.escape(member[0].name) + ".*" + reason):
        extract(archive, tmp_path / "out")

    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]
    assert not Path("/tmp/ds2kit-outside").exists()


@pytest.mark.parametrize("harm", ["cut", "flipped", "not a tar", "empty"])
def test_refuses_a_damaged_archive(tmp_path: Path, harm: str) -> None:
    archive = _tar(tmp_path / "a.tar.gz", [_file("a", CONTENT[:100_000])], "w:gz")
    whole = archive.read_bytes()
    flipped = bytearray(whole)
    flipped[-6] ^= 1  # in the checksum, which stands behind the last member
    damaged = {
        "cut": whole[:50_000],
        "flipped": bytes(flipped),
        "not a tar": gzip.compress(b"<html>not found</html>"),
        "empty": b"",
    }
    archive.write_bytes(damaged[harm])

    with pytest.raises(UserError, match="not a whole tar archive"):
        extract(archive, tmp_path / "out")

    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


def test_refuses_to_unpack_without_bound(tmp_path: Path) -> None:
    archive = _tar(tmp_path / "a.tar.gz", [_file("a", bytes(1_000_000))], "w:gz")

    with pytest.raises(UserError, match="more than 100000 bytes"):
        extract(archive, tmp_path / "out", max_bytes=100_000)

    assert not (tmp_path / "out").exists()
