"""A corpus over https: what arrives is checked, goes on where it stopped, and unpacks safely."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import re
import shutil
import ssl
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from email.message import Message
from pathlib import Path, PurePosixPath
from typing import IO, Literal
from urllib.parse import urlsplit

from ds2kit.errors import UserError
from ds2kit.files import whole_folder

CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 30.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")

NETWORK_ERRORS = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
)


def fetch(
    url: str,
    path: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    attempts: int = 4,
    wait_seconds: float = 1.0,
) -> Path:
    """The file at `url`, as `path`; at once where it is there already.

    What has arrived is kept beside `path` until it is whole, so the next attempt, or the next
    run, asks for the rest only. Without a checksum only the length is checked: the caller then
    checks the content. Older corpora publish MD5 alone, which tells damage, not malice.

    Raises UserError where the address is not https, the server refuses, the connection breaks
    in every attempt, or what arrived is not what was promised.
    """
    _check_address(url)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        _arrive(url, partial, attempts, wait_seconds)
        _check_digest(url, partial, "sha256", sha256)
        _check_digest(url, partial, "md5", md5)
        partial.replace(path)
    except NETWORK_ERRORS as error:
        raise UserError(
            f"{url}: {error or type(error).__name__}; run the same command again to go on"
        ) from error
    except OSError as error:
        raise UserError(f"{path} could not be written: {error.strerror or error}") from error
    return path


def extract(archive: Path, folder: Path, *, max_bytes: int = 1 << 40) -> Path:
    """The files of a tar, gzipped or not, in a new `folder`: all of them or none.

    Only plain files and folders that stay inside are taken; anything else in the archive
    (links, devices, absolute names, `..`) is refused by name, and nothing is kept.
    """
    try:
        _check_gzip(archive)
        with tarfile.open(archive) as opened, whole_folder(folder) as aside:
            left = max_bytes
            for member in opened:
                target = aside / _safe_name(archive, member)
                left -= member.size
                if left < 0:
                    raise UserError(f"{archive}: unpacks to more than {max_bytes} bytes; refused")
                _unpack(opened, member, target)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(
            f"{archive}: not a whole tar archive ({error}); remove it and run again"
        ) from error
    return folder


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return
    raise UserError(f"{url}: the address must begin with https://")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a server elsewhere as long as it stays with https."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _arrive(url: str, partial: Path, attempts: int, wait_seconds: float) -> None:
    for attempt in range(1, attempts + 1):
        try:
            _continue(url, partial)
            return
        except urllib.error.HTTPError as error:
            if error.code == 416:  # nothing lies beyond what is here: it is stale, or whole
                if _total_bytes(error.headers) == partial.stat().st_size:
                    return
                partial.unlink()
            elif error.code < 500:  # asking again would not help
                raise
            failure: Exception = error
        except NETWORK_ERRORS as error:
            failure = error
        if attempt == attempts:
            raise failure
        time.sleep(wait_seconds * 2 ** (attempt - 1))


def _continue(url: str, partial: Path) -> None:
    """Ask for what is missing and append it; raises one of NETWORK_ERRORS if it stays short."""
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"User-Agent": "ds2kit", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    opener = urllib.request.build_opener(_SafeRedirects)
    request = urllib.request.Request(url, headers=headers)
    with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
        if response.status != 206 or _first_byte(response.headers) != have:
            if response.status == 206:  # some other piece than the one asked for
                partial.unlink(missing_ok=True)
                raise http.client.HTTPException("the server sent another range than asked for")
            have = 0  # it cannot go on: all of it comes again
        total = _total_bytes(response.headers)
        with partial.open("ab" if have else "wb") as opened:
            for chunk in _chunks(response, url, have, total):
                opened.write(chunk)
    arrived = partial.stat().st_size
    if total is not None and arrived != total:
        raise http.client.HTTPException(f"broke off after {arrived} of {total} bytes")


def _chunks(
    response: http.client.HTTPResponse, url: str, have: int, total: int | None
) -> Iterator[bytes]:
    shows = sys.stderr.isatty()
    while chunk := response.read(CHUNK_BYTES):
        yield chunk
        have += len(chunk)
        if shows:
            of = f" of {total / 1e6:.1f}" if total else ""
            print(f"\r{url}: {have / 1e6:.1f}{of} MB", end="", file=sys.stderr, flush=True)
    if shows:
        print(file=sys.stderr)


def _first_byte(headers: Message) -> int | None:
    found = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _total_bytes(headers: Message) -> int | None:
    """The size of the whole file, where the server tells it."""
    found = re.fullmatch(r"bytes (?:\d+-\d+|\*)/(\d+)", headers.get("Content-Range", ""))
    if found:
        return int(found[1])
    length = headers.get("Content-Length")
    return int(length) if length else None


def _check_digest(
    url: str, partial: Path, kind: Literal["sha256", "md5"], expected: str | None
) -> None:
    if expected is None:
        return
    with partial.open("rb") as opened:
        found = hashlib.file_digest(opened, kind).hexdigest()
    if found != expected:
        partial.unlink()
        raise UserError(
            f"{url}: {kind} is {found}, expected {expected}; it was removed: run again, and if it "
            "comes again the file has changed at its source"
        )


def _check_gzip(archive: Path) -> None:
    """Read a gzipped file to its end, where the checksum stands: tarfile stops before it."""
    with archive.open("rb") as opened:
        gzipped = opened.read(2) == b"\x1f\x8b"
    if gzipped:
        with gzip.open(archive) as unzipped:
            while unzipped.read(CHUNK_BYTES):
                pass


def _safe_name(archive: Path, member: tarfile.TarInfo) -> PurePosixPath:
    name = PurePosixPath(member.name)
    if not (member.isreg() or member.isdir()):
        what = "is a link" if member.issym() or member.islnk() else "is no plain file"
    elif name.is_absolute() or ".." in name.parts or "\\" in member.name:
        what = "would lie outside the folder"
    else:
        return name
    raise UserError(f"{archive}: member '{member.name}' {what}; refused, nothing was unpacked")


def _unpack(opened: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source = opened.extractfile(member)
    assert source is not None, "a plain file has content"
    with source, target.open("wb") as written:
        shutil.copyfileobj(source, written, CHUNK_BYTES)
