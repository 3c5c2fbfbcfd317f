"""A file of openslr.org/11 in lower case: python language_model.py NAME.gz OUTPUT.gz"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from ds2kit.data.download import fetch
from ds2kit.errors import UserError

HERE = Path(__file__).resolve().parent
SOURCE = "https://www.openslr.org/resources/11"

MD5 = {
    "3-gram.pruned.1e-7.arpa.gz": "9a0f1325bcaf3a0f7b7be4be10823c2a",
    "3-gram.pruned.3e-7.arpa.gz": "8f67ec741827742eee05799ab7605b50",
    "3-gram.arpa.gz": "74cbb837e582378c26c602e1c8cbcb9c",
    "4-gram.arpa.gz": "6abdcd5b055bd482e4f9defe91d40408",
    "librispeech-lm-norm.txt.gz": "c83c64c726a1aedfe65f80aa311de402",
}
"""The source publishes no checksums; these are of files that others took from it."""

CHUNK_BYTES = 1 << 20


def lower_case(name: str, target: Path) -> None:
    """Fetch, and write in lower case, as the transcripts are; at once where it is there already.

    An ARPA file's own words (`ngram 1=`, `<s>`) are in lower case anyway, but <UNK>: it becomes
    <unk>. Raises UserError as `fetch` does, and for a name that is none of theirs.
    """
    if name not in MD5:
        raise UserError(f"{name} is no file of {SOURCE}; expected one of {', '.join(MD5)}")
    if target.exists():
        return
    source = fetch(f"{SOURCE}/{name}", HERE / "work" / "downloads" / name, md5=MD5[name])
    aside = target.with_name(f".{target.name}.partial")
    # No name and no time in it: the same bytes whenever it was made.
    with (
        gzip.open(source) as upper,
        aside.open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as lower,
    ):
        while chunk := upper.read(CHUNK_BYTES):
            lower.write(chunk.lower())  # of bytes: ASCII's letters alone
    aside.replace(target)


if __name__ == "__main__":
    try:
        lower_case(sys.argv[1], Path(sys.argv[2]))
    except UserError as error:
        sys.exit(f"language_model.py: {error}")
