"""Eight hours of LibriSpeech that lie in DS2KIT_CORPORA: its folders librispeech, librispeech_more.

The splits are not the official ones; README.md says what may be said of rates on them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from ds2kit.data.manifest import utterances
from ds2kit.types import Utterance

HERE = Path(__file__).resolve().parent
CORPORA = Path(os.environ.get("DS2KIT_CORPORA", HERE.parents[2] / "shared" / "corpora"))
COLUMNS = ("gender", "subset")


def splits() -> dict[str, Iterable[Utterance]]:
    """`train`, `train_mp3`, `dev`, `test`, `test_other`: no speaker of dev and tests is in train.

    train_mp3 has nothing above 6 kHz; test_other is of test-clean and test-other.
    """
    small, more = CORPORA / "librispeech", CORPORA / "librispeech_more"
    return {
        "train": chain(utterances(small, "train", COLUMNS), utterances(more, "train", COLUMNS)),
        "train_mp3": utterances(more, "train_mp3", COLUMNS),
        "dev": utterances(more, "dev", COLUMNS),
        "test": utterances(more, "test", COLUMNS),
        "test_other": utterances(small, "test", COLUMNS),
    }
