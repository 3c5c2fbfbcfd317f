"""MP3 streams that do not say how long they are.

libsndfile guesses the length of such a stream from its first frame and stops there, so the end of
one with a variable bit rate would be lost in silence. The frames are counted here and the count
is put in front, in the tag that LAME calls Xing.
"""

from __future__ import annotations

KBITS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits a second by the header's index, for MPEG-1 and for MPEG-2 and 2.5, layer III."""

RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
"""Hertz by the header's version (1, 2, 2.5) and index."""

LONGEST_FRAME = 1441
"""Bytes: 320 kilobits a second at 32 kHz, and one of padding."""

TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3", b"3DI")
"""What may stand after the last frame."""


def is_mpeg(head: bytes) -> bool:
    """Whether a file that begins so (4 bytes) may be MP3."""
    return head[:3] == b"ID3" or _frame_bytes(head) > 0


def sound_start(head: bytes) -> int:
    """Bytes of the ID3 tag in front, by the file's first 10 bytes."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 127
    return 10 + size + (10 if head[5] & 16 else 0)


def has_length(frame: bytes) -> bool:
    """Whether the first frame is a tag that holds the number of frames."""
    place = _tag(frame)
    return place > 0 and bool(frame[place + 7] & 1)


def with_length(data: bytes) -> tuple[bytes, str]:
    """The stream with its length in front, and why it must be cut off or damaged (else empty).

    data: from the first frame on
    """
    first = _frame_bytes(data[:4])
    if first and (_tag(data[:first]) or b"VBRI" in data[:first]):
        data = data[first:]
    count = place = 0
    while size := _frame_bytes(data[place : place + 4]):
        if place + size > len(data):
            return data, "its last frame is not whole"
        place += size
        count += 1
    rest = data[place:]
    if rest.strip(b"\0") and not rest.startswith(TAGS):
        return data, f"there is no frame at byte {place} of its sound"
    return _length_frame(data[:4], count) + data, ""


def _frame_bytes(header: bytes) -> int:
    """Length of the layer III frame that begins with these 4 bytes; 0 where none does."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, bits, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version not in RATES or bits in (0, 15) or rate == 3:
        return 0
    kbits, factor = (KBITS[1], 144_000) if version == 3 else (KBITS[2], 72_000)
    return factor * kbits[bits] // RATES[version][rate] + (header[2] >> 1 & 1)


def _side_bytes(header: bytes) -> int:
    """Length of the side information of a frame: by version, and mono or stereo."""
    mono = header[3] >> 6 == 3
    if header[1] >> 3 & 3 == 3:
        return 17 if mono else 32
    return 9 if mono else 17


def _tag(frame: bytes) -> int:
    """Where the Xing or Info tag stands in a frame; 0 where there is none."""
    if len(frame) < 64:
        return 0
    place = 4 + _side_bytes(frame)
    return place if frame[place : place + 4] in (b"Xing", b"Info") else 0


def _length_frame(header: bytes, count: int) -> bytes:
    """A silent frame with the tag: of the same kind, of a middling bit rate, without checksum."""
    bits = 9 if header[1] >> 3 & 3 == 3 else 8
    kind = bytes([0xFF, header[1] | 1, bits << 4 | header[2] & 0x0C, header[3]])
    tag = b"Xing" + (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    return (kind + bytes(_side_bytes(header)) + tag).ljust(_frame_bytes(kind), b"\0")
