"""Log-probabilities of a split, kept: whoever decodes it again need not run the network.

A folder holds

    about.json         format, utterances, vocabulary, and the digests of the model and the index
                       that it is of
    utterances.jsonl   an object an utterance: key, frames, seconds, frame_seconds
    values.f32         [frames of all, vocabulary] natural logarithms, float32, little-endian: the
                       utterances one after another, in that order
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ds2kit.data.index import Index
from ds2kit.decoding.lines import read_lines, write_lines
from ds2kit.decoding.network import Heard, Hearing, Network
from ds2kit.errors import UserError

FOLDER = "log_probs"
"""In the folder of a decoded split."""

ABOUT, UTTERANCES, VALUES = "about.json", "utterances.jsonl", "values.f32"

FORMAT = 1

BATCH = 16
"""Utterances that are read at once."""

VALUE = np.dtype("<f4")


class LogProbs:
    """What was kept of a split, memory-mapped: `log_probs[key]` is [frames, vocabulary] float32.

    keys:   of the utterances, in the order of the file
    frames: of each

    Raises UserError where a file is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.about = _read_about(folder)
            self._lines = {line["key"]: line for line in read_lines(folder / UTTERANCES, "frames")}
            self.keys = tuple(self._lines)
            self.frames = tuple(int(line["frames"]) for line in self._lines.values())
            if len(self) != self.about["utterances"]:
                raise ValueError(f"{UTTERANCES} has {len(self)}, not {self.about['utterances']}")
            self._values = _mapped(folder / VALUES, (sum(self.frames), self.about["vocabulary"]))
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise UserError(f"{folder} is damaged ({error}); remove it to make it anew") from None
        starts = np.cumsum([0, *self.frames]).tolist()
        self._place = {
            key: slice(begin, end)
            for key, begin, end in zip(self.keys, starts, starts[1:], strict=False)
        }

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, key: str) -> NDArray[np.float32]:
        return self._values[self._place[key]]

    def heard(self, key: str) -> Heard:
        """An utterance as the network gave it."""
        line = self._lines[key]
        return Heard(key, line["seconds"], line["frame_seconds"], self[key])

    def hear(self, index: Index, rows: NDArray[np.int64]) -> Hearing:
        """Some utterances of the split, in batches, the longest first."""
        longest_first = [index.keys[row] for row in rows[::-1]]
        for begin in range(0, len(rows), BATCH):
            yield [self.heard(key) for key in longest_first[begin : begin + BATCH]]


def find(folder: Path, belongs: Mapping[str, str], say: Callable[[str], None]) -> LogProbs | None:
    """What was kept in a folder, if it fits.

    belongs: digests of the model and the index that it is to be of
    say:     hears that it is used, or why it is not
    """
    if not folder.is_dir():
        return None
    try:
        found = LogProbs(folder)
    except UserError as error:
        say(f"{error}; not used")
        return None
    wanted = {"format": FORMAT, **belongs}
    others = [name for name, value in wanted.items() if found.about.get(name) != value]
    if others:
        say(f"{folder} is of another {others[0].removesuffix('_digest')}; not used")
        return None
    say(f"log-probabilities from {folder}; the network is not run")
    return found


def keep(
    folder: Path,
    network: Network,
    *,
    done: Callable[[float], None] = lambda seconds: None,
    between: Callable[[], None] = lambda: None,
) -> LogProbs:
    """Write what the network makes of its split to a folder, which appears whole or not at all.

    Stopped and called again, it goes on, where model and index are the same. What was there
    before is replaced.

    done:    hears the seconds of audio of each batch, when it is written
    between: called after each batch; it may raise
    Raises UserError where the disk refuses; what is written is gone on from.
    """
    aside = folder.with_name(f".{folder.name}.partial")
    keys = network.index.keys
    sizes = {"utterances": len(keys), "vocabulary": network.tokenizer.size}
    about = {"format": FORMAT, **sizes, **network.digests}
    try:
        known = _begun(aside, about)
        rows = np.array([i for i, key in enumerate(keys) if key not in known], np.int64)
        with (aside / VALUES).open("ab") as values, (aside / UTTERANCES).open("ab") as utterances:
            with closing(network.hear(rows)) as batches:
                for batch in batches:
                    for heard in batch:
                        values.write(np.ascontiguousarray(heard.log_probs, VALUE).data)
                    values.flush()  # before the lines, which say that the values are there
                    write_lines(utterances, [_line(heard) for heard in batch])
                    done(sum(heard.seconds for heard in batch))
                    between()
            for file in (values, utterances):
                os.fsync(file.fileno())
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{folder} could not be written: {reason}; make room, run again") from error
    return LogProbs(folder)


def _begun(aside: Path, about: Mapping[str, Any]) -> set[str]:
    """The keys of what an earlier run wrote, the files cut to it; none where it was of others."""
    if aside.is_dir():
        try:
            lines = list(read_lines(aside / UTTERANCES, "frames"))
            size = VALUE.itemsize * about["vocabulary"] * sum(line["frames"] for line in lines)
            if _read_about(aside) == about and (aside / VALUES).stat().st_size >= size:
                os.truncate(aside / VALUES, size)
                return {line["key"] for line in lines}
        except (UserError, FileNotFoundError, ValueError, LookupError, TypeError):
            pass  # an earlier run was cut off before it wrote anything of use
        shutil.rmtree(aside)
    aside.mkdir(parents=True)
    (aside / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return set()


def _line(heard: Heard) -> dict[str, Any]:
    return {
        "key": heard.key,
        "frames": len(heard.log_probs),
        "seconds": heard.seconds,
        "frame_seconds": heard.frame_seconds,
    }


def _read_about(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return about


def _mapped(path: Path, shape: tuple[int, int]) -> NDArray[np.float32]:
    found, expected = path.stat().st_size, VALUE.itemsize * shape[0] * shape[1]
    if found != expected:
        raise ValueError(f"{path.name} has {found:,} bytes, not {expected:,}")
    if not found:  # nothing cannot be mapped
        return np.zeros(shape, np.float32)
    # Copied where it is written to: torch takes no array that it may not write to.
    return np.memmap(path, VALUE, mode="c", shape=shape)
