"""Words of the HSK list (2000) by one speaker: the folder hsk_words of DS2KIT_CORPORA."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ds2kit.data.manifest import utterances
from ds2kit.types import Utterance

HERE = Path(__file__).resolve().parent
CORPORA = Path(os.environ.get("DS2KIT_CORPORA", HERE.parents[2] / "shared" / "corpora"))


def splits() -> dict[str, Iterable[Utterance]]:
    """`train`, `dev`, `test`: no word is in two of them. Column `pinyin`: with tone numbers."""
    folder = CORPORA / "hsk_words"
    return {split: utterances(folder, split, ["pinyin"]) for split in ("train", "dev", "test")}
