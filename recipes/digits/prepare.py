"""The Free Spoken Digit Dataset: single digits, and connected ones made of them."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from ds2kit.audio.read import read
from ds2kit.audio.write import wav
from ds2kit.data.download import extract, fetch
from ds2kit.errors import UserError
from ds2kit.types import Utterance

HERE = Path(__file__).resolve().parent
CORPORA = Path(os.environ.get("DS2KIT_CORPORA", HERE.parents[2] / "shared" / "corpora"))
ARCHIVE = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/26eb9aa.tar.gz"
SAMPLES_SHA256 = "805d126b19fa6708357f6689a286b87b0d469b9cf1a67995df0a95a5cadd2a38"
SAMPLE_RATE = 8000

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPLITS = {"train": range(10, 50), "dev": range(5, 10), "test": range(5)}
"""Which recordings of each speaker and digit: test is the corpus's own."""

ROUNDS = {"train": 3, "dev": 1, "test": 1}
"""How often each recording stands among the connected digits."""

PAUSE_SECONDS, PAUSE_LEVEL = (0.05, 0.4), 1e-3


def splits(*, held_out: str | None = None) -> dict[str, Iterable[Utterance]]:
    """`train`, `dev`, `test`, and each of them `_connected`: 3 to 7 digits with pauses.

    held_out: a speaker for test alone, with all recordings; train and dev are of the others
    """
    paths = {path.stem: path for path in _folder().rglob("[0-9]_*_*.*")}
    _check(paths)
    made: dict[str, Iterable[Utterance]] = {}
    for split, numbers in SPLITS.items():
        chosen = [stem for stem in sorted(paths) if _belongs(stem, split, numbers, held_out)]
        if not chosen:
            raise UserError(f"held_out is {held_out!r}, who speaks nowhere in the corpus")
        made[split] = [Utterance(s, paths[s], _word(s), s.split("_")[1]) for s in chosen]
        made[f"{split}_connected"] = _connected(split, chosen, paths)
    return made


def _belongs(stem: str, split: str, numbers: range, held_out: str | None) -> bool:
    _, speaker, number = stem.split("_")
    if split == "test" and held_out:
        return speaker == held_out
    return speaker != held_out and int(number) in numbers


def _word(stem: str) -> str:
    return WORDS[int(stem[0])]


def _folder() -> Path:
    """The recordings, unpacked beside this file: of DS2KIT_CORPORA, else from their source."""
    folder = HERE / "work" / "recordings"
    if folder.is_dir():
        return folder
    archive = CORPORA / "digits" / "audio.tar"
    if not archive.is_file():
        archive = fetch(ARCHIVE, HERE / "work" / "free-spoken-digit-dataset.tar.gz")
    return extract(archive, folder)


def _check(paths: dict[str, Path]) -> None:
    """Whatever they came in, these must be the recordings that the results were measured on."""
    digest = hashlib.sha256()
    for stem in sorted(paths):
        digest.update(stem.encode() + wav(read(paths[stem], SAMPLE_RATE), SAMPLE_RATE))
    if digest.hexdigest() != SAMPLES_SHA256:
        raise UserError(
            f"{HERE / 'work' / 'recordings'} holds {len(paths)} recordings that are not the 3,000 "
            "expected; remove recipes/digits/work and run again"
        )


def _connected(split: str, stems: list[str], paths: dict[str, Path]) -> Iterator[Utterance]:
    draw = random.Random(split)
    for turn in range(ROUNDS[split]):
        for speaker in sorted({stem.split("_")[1] for stem in stems}):
            left = [stem for stem in stems if stem.split("_")[1] == speaker]
            draw.shuffle(left)
            while left:
                # No fewer than 3 may be left over for the last.
                count = draw.choice(
                    [n for n in range(3, 8) if len(left) - n in (0, *range(3, 999))]
                )
                chosen, left = left[:count], left[count:]
                sound = _joined([read(paths[s], SAMPLE_RATE) for s in chosen], draw)
                text = " ".join(_word(s) for s in chosen)
                key = f"{speaker}-{turn}-{len(left):03d}"
                yield Utterance(key, sound, text, speaker, columns={"of": " ".join(chosen)})


def _joined(recordings: list[np.ndarray], draw: random.Random) -> bytes:
    noise = np.random.default_rng(draw.getrandbits(64))
    pieces = [recordings[0]]
    for recording in recordings[1:]:
        pause = int(draw.uniform(*PAUSE_SECONDS) * SAMPLE_RATE)
        pieces += [PAUSE_LEVEL * noise.standard_normal(pause), recording]
    return wav(np.concatenate(pieces), SAMPLE_RATE)
