"""LibriSpeech in its official layout (openslr.org/12), from its source or a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from ds2kit.data.download import extract, fetch
from ds2kit.errors import UserError
from ds2kit.types import Utterance

HERE = Path(__file__).resolve().parent
SOURCE = "https://www.openslr.org/resources/12"

Subset = Literal[
    "dev-clean",
    "dev-other",
    "test-clean",
    "test-other",
    "train-clean-100",
    "train-clean-360",
    "train-other-500",
]

MD5 = {
    "dev-clean": "42e2234ba48799c1f50f24a7926300a1",
    "dev-other": "c8d0bcc9cca99d4f8b62fcc847357931",
    "test-clean": "32fa31d27d2e1cad72775fee3f4849a9",
    "test-other": "fb5a50374b501bb3bac4815ee91d3135",
    "train-clean-100": "2a93770f6d5c6c964bc36631d331a522",
    "train-clean-360": "c0e676e450a7ff2f54aeade5171606fa",
    "train-other-500": "d1a0fd59409feb2c614ce4d30c387708",
}
"""Of each SUBSET.tar.gz, from the corpus's own md5sum.txt."""


def splits(*, subset: Subset | None = None) -> dict[str, Iterable[Utterance]]:
    """The corpus's own splits by their own names, in lower case.

    The environment's LIBRISPEECH names the folder LibriSpeech that the archives unpack to; without
    it they are downloaded and unpacked in `work/corpus`, each when it is needed.

    subset: that one alone
    """
    chosen = MD5 if subset is None else [subset]
    return {name: _subset(name) for name in chosen}


def _subset(name: str) -> Iterator[Utterance]:
    corpus = _corpus(name)
    folder = corpus / name
    if not folder.is_dir():
        raise UserError(f"{folder} is not there; expected {name} as its archive unpacks")
    genders = _genders(corpus / "SPEAKERS.TXT")
    chapters = sorted(folder.glob("*/*/"))
    if not chapters:
        raise UserError(f"{folder} holds no chapters; expected {name}/SPEAKER/CHAPTER/")
    for chapter in chapters:
        speaker = chapter.parent.name
        gender = genders.get(speaker, "")
        columns = {"subset": name, "gender": gender, "chapter": chapter.name}
        for key, text, problem in _transcripts(chapter, f"{speaker}-{chapter.name}.trans.txt"):
            path = chapter / f"{key}.flac"
            yield Utterance(key, path, text, speaker, columns=columns, problem=problem)


def _corpus(name: str) -> Path:
    """The folder that holds a subset's and SPEAKERS.TXT."""
    if given := os.environ.get("LIBRISPEECH"):
        return Path(given)
    unpacked = HERE / "work" / "corpus" / name
    if not unpacked.is_dir():
        archive = HERE / "work" / "downloads" / f"{name}.tar.gz"
        extract(fetch(f"{SOURCE}/{archive.name}", archive, md5=MD5[name]), unpacked)
    return unpacked / "LibriSpeech"


def _transcripts(chapter: Path, name: str) -> Iterator[tuple[str, str, str]]:
    """Key, text and what is wrong: of each line of a chapter, then of what has no line."""
    listed, file = set(), chapter / name
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    for line in filter(None, map(str.strip, lines)):
        key, _, text = line.partition(" ")
        listed.add(key)
        yield key, text.lower(), "" if text else f"its transcript in {name} is empty"
    for path in sorted(chapter.glob("*.flac")):
        if path.stem not in listed:
            yield path.stem, "", f"{file} {'has no line for it' if lines else 'is not there'}"


def _genders(path: Path) -> dict[str, str]:
    """Speaker to m or f. A line is ID | SEX | SUBSET | MINUTES | NAME; a name may have bars."""
    if not path.is_file():
        raise UserError(f"{path} is not there; every archive of the corpus holds it")
    lines = path.read_text("utf-8", errors="replace").splitlines()  # names are not kept
    rows = [line.split("|") for line in lines if line and not line.startswith(";")]
    return {row[0].strip(): row[1].strip().lower() for row in rows if len(row) > 1}
