"""What `ds2kit decode` left in an experiment: hypotheses, paired with the index they are of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ds2kit.data.index import Index
from ds2kit.errors import UserError, close_name
from ds2kit.scoring.rows import Row, pair

HYPOTHESES = "hypotheses.jsonl"
SETTINGS = "settings.json"


@dataclass(frozen=True)
class Decoded:
    """A decoded split, every utterance of it.

    folder:   named after the decoder; scores are written into it
    settings: what `decode` was told, and the digests of model and index; empty where another
              program made the hypotheses
    rows:     in the order of the index
    """

    folder: Path
    settings: Mapping[str, Any]
    index: Index
    rows: list[Row]

    @property
    def decoder(self) -> str:
        return self.folder.name


def read_decoded(
    experiment: Path, split: str, *, decoder: str | None = None, data: Path | None = None
) -> Decoded:
    """Read the hypotheses of a split, EXP/decode/SPLIT/DECODER/hypotheses.jsonl, and its index.

    decoder: may be left out where the split was decoded by one only
    data:    the folder of prepared data, where it is no longer where `decode` read it, or where
             another program decoded
    Raises UserError where something is missing or damaged, where hypotheses and index do not
    hold the same keys, and where the index has changed since.
    """
    folder = _folder(experiment, split, decoder)
    settings = _settings(folder / SETTINGS, split, data)
    index = _index(folder, settings, split, data)
    rows = pair(
        zip(index.keys, index.texts, index.speakers, strict=True),
        _hypotheses(folder / HYPOTHESES),
        folder,
    )
    return Decoded(folder, settings, index, rows)


def _folder(experiment: Path, split: str, decoder: str | None) -> Path:
    """The folder of the hypotheses to score."""
    if not experiment.is_dir():
        raise UserError(f"{experiment} is no experiment: there is no such folder")
    remedy = f"`ds2kit decode {experiment} {split}` makes one"
    splits = _folders(experiment / "decode")
    if split not in splits:
        there = f" (there are: {', '.join(splits)})" if splits else ""
        hint = close_name(split, splits)
        raise UserError(f"{experiment} has no decode of split '{split}'{hint}{there}; {remedy}")
    decoders = [
        name
        for name in _folders(experiment / "decode" / split)
        if (experiment / "decode" / split / name / HYPOTHESES).is_file()
    ]
    listed = ", ".join(decoders)
    if not decoders:
        raise UserError(f"{experiment / 'decode' / split} has no {HYPOTHESES}; {remedy}")
    if decoder is None and len(decoders) > 1:
        raise UserError(
            f"split '{split}' of {experiment} was decoded by {listed}; choose one: `score` takes "
            "--decoder, and `compare` EXP:DECODER"
        )
    if decoder is not None and decoder not in decoders:
        hint = close_name(decoder, decoders)
        raise UserError(
            f"split '{split}' of {experiment} was not decoded by '{decoder}'{hint} "
            f"(only by: {listed})"
        )
    return experiment / "decode" / split / (decoder or decoders[0])


def _folders(parent: Path) -> list[str]:
    """The names of the folders in it, sorted; nothing where it is missing."""
    if not parent.is_dir():
        return []
    return sorted(one.name for one in parent.iterdir() if one.is_dir() and one.name[0] != ".")


def _settings(path: Path, split: str, data: Path | None) -> Mapping[str, Any]:
    remedy = "decode the split anew"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if data is not None:
            return {}
        raise UserError(
            f"{path} is missing; {remedy}, or name the prepared data with --data where another "
            "program decoded"
        ) from None
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {error}; {remedy}") from error
    for key in ("data", "index_digest"):
        if not isinstance(settings, dict) or not isinstance(settings.get(key), str):
            raise UserError(f"{path} does not say '{key}'; {remedy}")
    if settings.get("split", split) != split:
        raise UserError(
            f"{path.parent} holds hypotheses of split '{settings['split']}', not of '{split}'; "
            f"remove it and decode '{split}'"
        )
    return dict(settings)


def _index(folder: Path, settings: Mapping[str, Any], split: str, data: Path | None) -> Index:
    """The index that was decoded; a relative path of it is relative to the settings."""
    prepared = (data or folder / settings["data"]) / split
    if not prepared.is_dir():
        raise UserError(
            f"{prepared} is not there, which was decoded; name the prepared data with --data"
        )
    index = Index.load(prepared)
    if settings and index.digest != settings["index_digest"]:
        raise UserError(
            f"the index in {prepared} is not the one that was decoded; "
            f"remove {folder} and decode the split again"
        )
    return index


def _hypotheses(path: Path) -> Iterator[tuple[str, str]]:
    """(key, text) of each line. Raises UserError that names a line which is none."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                hypothesis = json.loads(line)
                key, text = hypothesis["key"], hypothesis["text"]
                text.encode()  # raises where half a surrogate pair is no text
            except (ValueError, KeyError, TypeError, AttributeError):
                key = text = None
            if not isinstance(key, str) or not isinstance(text, str):
                raise UserError(
                    f"{path}, line {number}: no JSON object with 'key' and 'text' as text; "
                    "`ds2kit decode` again completes what was cut off"
                )
            yield key, text
