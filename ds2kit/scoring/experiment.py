"""Score what `ds2kit decode` left in an experiment, against the index that it decoded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ds2kit.data.index import Index
from ds2kit.errors import UserError, close_name
from ds2kit.files import whole_file
from ds2kit.scoring.align import words
from ds2kit.scoring.render import render
from ds2kit.scoring.report import Report, pair, report
from ds2kit.text.normalise import normaliser

HYPOTHESES = "hypotheses.jsonl"
SETTINGS = "settings.json"


@dataclass(frozen=True)
class ScoredSplit:
    """A report and what it is about."""

    split: str
    decoder: str
    settings: Mapping[str, Any]
    """What `decode` was told, and the digests of model and index."""

    report: Report

    def to_json(self) -> dict[str, Any]:
        about = {"split": self.split, "decoder": self.decoder, "settings": dict(self.settings)}
        return {**about, **self.report.to_json()}

    def to_text(self) -> str:
        return f"{self.split}, {self.decoder}: {render(self.report)}"


def score_experiment(
    experiment: Path,
    split: str,
    *,
    decoder: str | None = None,
    normaliser_name: str = "prepared",
    data: Path | None = None,
) -> ScoredSplit:
    """Score a decoded split; writes score.json and score.txt beside its hypotheses.

    decoder: may be left out where the split was decoded by one only
    data:    the folder of prepared data, where it is no longer where `decode` read it
    Raises UserError where something is missing or damaged, where hypotheses and index do not
    hold the same keys, and where the index has changed since.
    """
    normalise = normaliser(normaliser_name)
    folder = _decoded(experiment, split, decoder)
    settings = _settings(folder / SETTINGS)
    index = _index(folder, settings, split, data)
    rows = pair(
        zip(index.keys, index.texts, index.speakers, strict=True),
        _hypotheses(folder / HYPOTHESES),
        folder,
    )
    scored = ScoredSplit(split, folder.name, settings, report(rows, normaliser_name))
    check_words(scored.report, [normalise(text) for text in index.texts])
    with whole_file(folder / "score.json") as aside:
        written = json.dumps(scored.to_json(), ensure_ascii=False, indent=2)
        aside.write_text(written + "\n", encoding="utf-8")
    with whole_file(folder / "score.txt") as aside:
        aside.write_text(scored.to_text() + "\n", encoding="utf-8")
    return scored


def check_words(made: Report, texts: Sequence[str]) -> None:
    """Refuse a report that scored another number of words than the normalised texts have."""
    counted = sum(len(words(text)) for text in texts)
    scored = made.words.score.units
    if (scored, made.utterances) != (counted, len(texts)):
        raise UserError(
            f"scored {scored:,} words of {made.utterances:,} utterances, but the index has "
            f"{counted:,} of {len(texts):,}; nothing was written"
        )


def _decoded(experiment: Path, split: str, decoder: str | None) -> Path:
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
        raise UserError(f"split '{split}' was decoded by {listed}; choose one with --decoder")
    if decoder is not None and decoder not in decoders:
        hint = close_name(decoder, decoders)
        raise UserError(f"split '{split}' was not decoded by '{decoder}'{hint} (only by: {listed})")
    return experiment / "decode" / split / (decoder or decoders[0])


def _folders(parent: Path) -> list[str]:
    """The names of the folders in it, sorted; nothing where it is missing."""
    if not parent.is_dir():
        return []
    return sorted(one.name for one in parent.iterdir() if one.is_dir() and one.name[0] != ".")


def _settings(path: Path) -> Mapping[str, Any]:
    remedy = "decode the split anew"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {remedy}") from None
    except ValueError as error:
        raise UserError(f"{path} is no JSON: {error}; {remedy}") from error
    for key in ("data", "index_digest"):
        if not isinstance(settings, dict) or not isinstance(settings.get(key), str):
            raise UserError(f"{path} does not say '{key}'; {remedy}")
    return dict(settings)


def _index(folder: Path, settings: Mapping[str, Any], split: str, data: Path | None) -> Index:
    """The index that was decoded; a relative path of it is relative to the settings."""
    prepared = (data or folder / settings["data"]) / split
    if not prepared.is_dir():
        raise UserError(
            f"{prepared} is not there, which was decoded; name the prepared data with --data"
        )
    index = Index.load(prepared)
    if index.digest != settings["index_digest"]:
        raise UserError(
            f"the index in {prepared} is not the one that was decoded; "
            f"remove {folder} and decode the split again"
        )
    return index


def _hypotheses(path: Path) -> Iterator[tuple[str, str]]:
    """(key, text) of each line."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                hypothesis = json.loads(line)
                key, text = hypothesis["key"], hypothesis["text"]
            except (ValueError, KeyError, TypeError):
                key = text = None
            if not isinstance(key, str) or not isinstance(text, str):
                raise UserError(
                    f"{path}, line {number}: no JSON object with 'key' and 'text' as text; "
                    "`ds2kit decode` again completes what was cut off"
                )
            yield key, text
