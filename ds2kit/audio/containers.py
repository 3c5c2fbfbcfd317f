"""What a container's own bytes say: whether the file was cut off, and how long it is.

libsndfile quietly takes what is left of a shortened WAV or Ogg file, so their claims are read
here. FLAC, and MP3 with its length in front, are found out when they are decoded: libsndfile
fails, or gives less than the header claims.
"""

from __future__ import annotations

import io
import os
from typing import BinaryIO, Literal

from ds2kit.audio import mpeg
from ds2kit.errors import UserError

UNKNOWN_SIZES = (0xFFFFFFFF, 0x7FFFF000)
"""Sizes that a program writes which cannot go back to the header: ffmpeg's and sox's."""

LONGEST_PAGE = 27 + 255 + 255 * 255
"""Bytes of an Ogg page: header, segment table, segments."""


def checked(file: BinaryIO, name: str) -> BinaryIO:
    """The file as libsndfile is to see it, at its start.

    That is the same file, or a copy in memory with its length put right: of a WAV that was
    written into a pipe, of an MP3 without its length.

    Raises UserError where the file is empty, or where its claims and its bytes disagree.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if not head:
        raise UserError(f"{name} is empty (0 bytes); expected audio")
    seen, cut = file, ""
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:] == b"WAVE":
        seen, cut = _wav(file, size, "big" if head[:4] == b"RIFX" else "little")
    elif head[:4] == b"OggS":
        cut = _ogg(file, size)
    elif mpeg.is_mpeg(head):
        seen, cut = _mpeg(file, mpeg.sound_start(head))
    if cut:
        raise UserError(f"{name} is cut off or damaged: {cut}; get the whole file")
    seen.seek(0)
    return seen


def _wav(file: BinaryIO, size: int, order: Literal["little", "big"]) -> tuple[BinaryIO, str]:
    """Walk the chunks to the data chunk and compare its claim with what follows."""
    file.seek(4)
    whole = int.from_bytes(file.read(4), order)
    long_size = None
    place = 12
    while True:
        file.seek(place)
        header = file.read(8)
        if len(header) < 8:
            return file, "it ends before its data chunk"
        claimed = int.from_bytes(header[4:], order)
        if header[:4] == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:], order)
        if header[:4] == b"data":
            break
        place += 8 + claimed + claimed % 2
    present = size - place - 8
    if claimed == 0xFFFFFFFF and long_size is not None:
        claimed = long_size
    if claimed in UNKNOWN_SIZES:
        return file, ""
    # A data chunk of no samples is honest where the size of the whole file agrees.
    if claimed == 0 and present and whole + 8 != size:
        file.seek(0)
        data = bytearray(file.read())
        data[place + 4 : place + 8] = b"\xff\xff\xff\xff"
        return io.BytesIO(data), ""
    if claimed > present:
        return file, f"its header claims {claimed} bytes of sound, {present} are there"
    return file, ""


def _ogg(file: BinaryIO, size: int) -> str:
    """Find the page that ends with the file and its end-of-stream mark."""
    start = max(0, size - LONGEST_PAGE)
    file.seek(start)
    tail = file.read()
    place = tail.rfind(b"OggS")
    while place >= 0:
        header = tail[place : place + 27]
        table = tail[place + 27 : place + 27 + header[26]] if len(header) == 27 else b""
        if len(header) == 27 and place + 27 + header[26] + sum(table) == len(tail):
            last = header[5] & 4
            return "" if last else "its last page is not the end of the stream"
        place = tail.rfind(b"OggS", 0, place)
    return "it does not end with a whole page"


def _mpeg(file: BinaryIO, start: int) -> tuple[BinaryIO, str]:
    """Count the frames of an MP3 that does not say how many there are."""
    file.seek(start)
    head = file.read(mpeg.LONGEST_FRAME)
    if not mpeg.is_mpeg(head) or mpeg.has_length(head):
        return file, ""
    file.seek(start)
    data, cut = mpeg.with_length(file.read())
    return io.BytesIO(data), cut
