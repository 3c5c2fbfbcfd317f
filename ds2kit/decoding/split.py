"""Decode a prepared split: whole, in processes side by side, resumable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ds2kit.components import Decoder
from ds2kit.data.index import Index
from ds2kit.decoding.greedy import Greedy
from ds2kit.decoding.lines import read_lines, write_lines
from ds2kit.decoding.network import Heard, Hearing
from ds2kit.decoding.settings import begin_with
from ds2kit.decoding.words import timed
from ds2kit.decoding.workers import Workers, before_threads, cores
from ds2kit.errors import UserError
from ds2kit.files import whole_file
from ds2kit.types import Hypothesis, Padded

HYPOTHESES, PARTIAL = "hypotheses.jsonl", "hypotheses.partial.jsonl"

Line = dict[str, Any]
"""An utterance in hypotheses.jsonl."""


@dataclass(frozen=True)
class Decoding:
    """A split that is being decoded into a folder, and with what.

    folder: settings.json at once, hypotheses.jsonl when it is whole
    """

    folder: Path
    index: Index
    settings: Mapping[str, Any]

    @property
    def hypotheses(self) -> Path:
        return self.folder / HYPOTHESES

    def begin(self) -> NDArray[np.int64]:
        """The places in the index of what is not decoded yet.

        Raises Problems where it was begun by other settings.
        """
        begun = any((self.folder / name).is_file() for name in (HYPOTHESES, PARTIAL))
        begin_with(self.folder, self.settings, "decode", begun=begun)
        if self.hypotheses.is_file():
            return np.zeros(0, np.int64)
        known = {line["key"] for line in read_lines(self.folder / PARTIAL, "key")}
        return np.array([i for i, key in enumerate(self.index.keys) if key not in known], np.int64)

    def complete(self) -> None:
        """Write the hypotheses of all utterances, in the order of the index."""
        found = {line["key"]: line for line in read_lines(self.folder / PARTIAL, "key")}
        with whole_file(self.hypotheses) as aside, aside.open("wb") as file:
            write_lines(file, (found[key] for key in self.index.keys))
        (self.folder / PARTIAL).unlink(missing_ok=True)


def decode_split(
    decoding: Decoding,
    hear: Callable[[NDArray[np.int64]], Hearing],
    workers: Workers[Heard, Line],
    *,
    done: Callable[[float], None] = lambda seconds: None,
    between: Callable[[], None] = lambda: None,
) -> float:
    """Decode what is not decoded yet; returns the seconds of audio that were.

    hear:    gives the log-probabilities of the utterances at such places of the index, in batches
    workers: which decode them, by `Searching`
    done:    hears the seconds of audio of each utterance, when it is in the file
    between: called often; what it raises, such as an interrupt, ends the decoding, which goes on
             when it is called again
    Raises Problems where the folder was begun with other settings, and UserError where an
    utterance cannot be decoded or the disk refuses.
    """
    rows = decoding.begin()
    if decoding.hypotheses.is_file():
        return 0.0
    path, decoded = decoding.folder / PARTIAL, 0.0
    try:
        with path.open("ab") as file, closing(hear(rows)) as batches:
            named = ([(heard.key, heard) for heard in batch] for batch in batches)
            for _, line in workers.map(named, between):
                write_lines(file, [line])
                decoded += line["seconds"]
                done(line["seconds"])
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{path} could not be written: {reason}; make room, run again") from error
    decoding.complete()
    return decoded


@contextmanager
def searchers(
    make: Callable[[], Decoder], count: int | None = None
) -> Iterator[Workers[Heard, Line]]:
    """Workers that decode, all with the one decoder that is made here.

    count: processes; None: one for each core. Greedy needs none: it takes no longer to decode an
           utterance than to hand it to another process
    """
    with before_threads():
        decoder = make()
        processes = cores() if count is None else count
        workers = Workers(Searching(decoder), 0 if isinstance(decoder, Greedy) else processes)
    with workers:
        yield workers


@dataclass(frozen=True)
class Searching:
    """What a worker does: an utterance, heard by the network, to a line of hypotheses.jsonl.

    Each by itself, so that neither its neighbours nor their number changes anything.
    """

    decoder: Decoder

    def __call__(self, heard: Heard) -> Line:
        hypotheses = search(self.decoder, heard.log_probs)
        best = hypotheses[0]
        words = timed(best.words, heard.frame_seconds, heard.seconds)
        line = {"key": heard.key, **_scored(best), "seconds": heard.seconds}
        line["words"] = [asdict(word) for word in words]
        if len(hypotheses) > 1:
            line["n_best"] = [_scored(hypothesis) for hypothesis in hypotheses]
        return line


def search(decoder: Decoder, log_probs: NDArray[np.float32]) -> list[Hypothesis]:
    """The hypotheses of [frames, vocabulary], best first."""
    alone = Padded(torch.from_numpy(log_probs)[None], torch.tensor([len(log_probs)]))
    return decoder.decode(alone)[0]


def _scored(hypothesis: Hypothesis) -> dict[str, Any]:
    """The text, and the scores that there are."""
    parts = {
        "acoustic_score": hypothesis.acoustic_score,
        "language_score": hypothesis.language_score,
    }
    told = {name: float(score) for name, score in parts.items() if score is not None}
    return {"text": hypothesis.text, "score": float(hypothesis.score), **told}
