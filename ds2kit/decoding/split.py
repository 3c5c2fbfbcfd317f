"""Decode a prepared split: whole, in batches of similar length, resumable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch

from ds2kit.components import Decoder
from ds2kit.config import plain
from ds2kit.data.batches import Batch, Loader, Selection, evaluation_steps
from ds2kit.data.index import Index
from ds2kit.decoding.words import timed
from ds2kit.errors import Problems, UserError
from ds2kit.files import whole_file
from ds2kit.model import WEIGHTS, AcousticModel
from ds2kit.options import Chosen
from ds2kit.settings import Config

HYPOTHESES, PARTIAL, SETTINGS = "hypotheses.jsonl", "hypotheses.partial.jsonl", "settings.json"


@dataclass(frozen=True)
class Decoding:
    """A split that is being decoded into a folder, and with what.

    folder: settings.json at once, hypotheses.jsonl when it is whole
    """

    folder: Path
    index: Index
    settings: Mapping[str, Any]

    def begin(self) -> dict[str, dict[str, Any]]:
        """What was decoded before, by key. Raises Problems where it was by other settings.

        The folder of the data may be another one: it is the index in it that counts.
        """
        path = self.folder / SETTINGS
        now = json.dumps(dict(self.settings), indent=1, ensure_ascii=False) + "\n"
        before = _read_settings(path) if path.is_file() else None
        if before is not None:
            changed = [
                f"{name}: {before.get(name)} -> {value}"
                for name, value in json.loads(now).items()
                if before.get(name) != value and name != "data"
            ]
            if changed:
                raise Problems(
                    f"{self.folder} was begun with other settings; remove it to decode anew",
                    changed,
                )
        if before is None or before.get("data") != self.settings["data"]:
            with whole_file(path) as aside:
                aside.write_text(now, encoding="utf-8")
        return {line["key"]: line for line in _lines(self.folder / PARTIAL)}

    @property
    def hypotheses(self) -> Path:
        return self.folder / HYPOTHESES

    @contextmanager
    def more(self) -> Iterator[TextIO]:
        """The file of what is decoded so far, to write on. Raises UserError where the disk refuses;
        what is there is gone on from.
        """
        path = self.folder / PARTIAL
        try:
            with path.open("a", encoding="utf-8") as file:
                yield file
        except OSError as error:
            reason = error.strerror or error
            raise UserError(
                f"{path} could not be written: {reason}; make room, run again"
            ) from error

    def complete(self, found: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the hypotheses of all utterances, in the order of the index."""
        with whole_file(self.hypotheses) as aside, aside.open("w", encoding="utf-8") as file:
            for key in self.index.keys:
                file.write(json.dumps(found[key], ensure_ascii=False) + "\n")
        (self.folder / PARTIAL).unlink(missing_ok=True)


def settings_of(
    model_folder: Path, data: Path, split: str, index: Index, decoder: Chosen
) -> dict[str, Any]:
    """All that hypotheses depend on."""
    weights = hashlib.sha256((model_folder / WEIGHTS).read_bytes()).hexdigest()
    return {
        "data": str(data),
        "split": split,
        "decoder": plain(decoder),
        "model_digest": weights,
        "index_digest": index.digest,
    }


def decode_split(
    decoding: Decoding,
    model: AcousticModel,
    decoder: Decoder,
    config: Config,
    *,
    done: Callable[[float], None] = lambda seconds: None,
) -> float:
    """Decode what is not decoded yet; returns the seconds of audio that were.

    done: hears the seconds of audio after each batch, when they are in the file; it may raise
    Raises Problems where the folder was begun with other settings.
    """
    found = decoding.begin()
    if decoding.hypotheses.is_file():
        return 0.0
    keys = decoding.index.keys
    rows = np.array([i for i, key in enumerate(keys) if key not in found], dtype=np.int64)
    decoded = 0.0
    if len(rows):
        steps = evaluation_steps(
            Selection((decoding.index,), (rows,)),
            model.tokenizer,
            sample_rate=model.sample_rate,
            seconds_per_step=config.data.seconds_per_step,
        )
        # Closed, the loader's workers have ended before what interrupts this is told of.
        loader = closing(iter(Loader(steps, workers=config.data.workers)))
        with decoding.more() as file, loader as batches:
            for batch in batches:
                for line in decode_batch(model, decoder, batch):
                    found[line["key"]] = line
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                decoded += batch.seconds
                done(batch.seconds)
    decoding.complete(found)
    return decoded


def decode_batch(model: AcousticModel, decoder: Decoder, batch: Batch) -> Iterator[dict[str, Any]]:
    """The hypothesis of each utterance, as a line of hypotheses.jsonl."""
    like = next(model.parameters())
    batch = batch.to(like.device, like.dtype)
    with torch.inference_mode():
        log_probs = model(batch.waveforms)
    lengths = batch.waveforms.lengths.tolist()
    for key, samples, best in zip(batch.keys, lengths, decoder.decode(log_probs), strict=True):
        seconds = samples / model.sample_rate
        words = timed(best[0].words, model.frame_seconds, seconds)
        yield {
            "key": key,
            "text": best[0].text,
            "score": best[0].score,
            "seconds": seconds,
            "words": [asdict(word) for word in words],
        }


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file that may have been cut off; the rest is taken away."""
    if not path.is_file():
        return
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            hypothesis = json.loads(line)
        except ValueError:
            hypothesis = None
        if not isinstance(hypothesis, dict) or "key" not in hypothesis:
            raise UserError(
                f"{path}, line {number}: no hypothesis as JSON; remove the file to decode anew"
            )
        yield hypothesis


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise UserError(f"{path} is damaged; remove {path.parent} to decode anew")
    return settings
