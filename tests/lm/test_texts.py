"""Text files, plain and compressed, and what is none."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from ds2kit.errors import UserError
from ds2kit.lm import texts
from ds2kit.lm.texts import read_lines
from ds2kit.text.normalise import plain, prepared

TEXT = "\ufeffOne  two\r\n\n  \nthree".encode()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_lines_of_any_packing(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "text"  # its name does not say
    path.write_bytes(pack(TEXT))

    assert list(read_lines([path, path], prepared)) == ["One two", "three"] * 2
    assert list(read_lines([path], plain)) == ["one two", "three"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a\nböse\n".encode("latin-1"), "text, line 2 is not UTF-8 (byte 0xf6)"),
        ("a\n".encode("utf-16"), "text, line 1"),
        (b"a\nb\0c\n", "line 2 holds a zero byte"),
        (gzip.compress(b"a\n" * 9999)[:-20], "is compressed, and cut or damaged"),
        (gzip.compress(b"a\n" * 9999)[:30] + bytes(40), "is compressed, and cut or damaged"),
        (lzma.compress(b"a\n" * 9999)[:-20], "is compressed, and cut or damaged"),
    ],
)
def test_what_is_no_text(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(content)

    with pytest.raises(UserError) as refused:
        list(read_lines([tmp_path / "text"], prepared))

    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere is not there"):
        list(read_lines([tmp_path / "nowhere"], prepared))
    with pytest.raises(UserError, match="could not be read: Is a directory"):
        list(read_lines([tmp_path], prepared))


def test_a_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "LONGEST_LINE", 1 << 20)
    (tmp_path / "text").write_bytes(gzip.compress(b"a" * (2 << 20)))

    with pytest.raises(UserError, match="line 1 is longer than 1 MiB; expected a sentence a line"):
        list(read_lines([tmp_path / "text"], prepared))
