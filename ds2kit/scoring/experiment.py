"""Score what was decoded in an experiment, or compare it with what was decoded in another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ds2kit.errors import UserError
from ds2kit.files import whole_file
from ds2kit.scoring.align import words
from ds2kit.scoring.comparison import Comparison, compare
from ds2kit.scoring.decoded import Decoded, read_decoded
from ds2kit.scoring.render import render, render_comparison
from ds2kit.scoring.report import Report, report
from ds2kit.scoring.slices import slicing
from ds2kit.scoring.trn import trn, write_trn
from ds2kit.text.normalise import normaliser


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


@dataclass(frozen=True)
class ComparedSplit:
    """A comparison and what it is about."""

    split: str
    first: Decoded
    second: Decoded
    comparison: Comparison

    def to_json(self) -> dict[str, Any]:
        systems = [
            {"folder": str(one.folder), "decoder": one.decoder, "settings": dict(one.settings)}
            for one in (self.first, self.second)
        ]
        return {"split": self.split, "systems": systems, **self.comparison.to_json()}

    def to_text(self) -> str:
        text = render_comparison(self.comparison, self.first.folder, self.second.folder)
        return f"{self.split}: {text}"


def score_experiment(
    experiment: Path,
    split: str,
    *,
    decoder: str | None = None,
    normaliser_name: str = "prepared",
    by: Sequence[str] = (),
    pinyin: bool = False,
    data: Path | None = None,
    trn_folder: Path | None = None,
) -> ScoredSplit:
    """Score a decoded split; writes score.json and score.txt beside its hypotheses.

    by:         columns to slice by, as `slices.slicing` takes them
    pinyin:     count the syllables of Mandarin too
    trn_folder: where to write ref.trn and hyp.trn for sclite
    Raises UserError as `read_decoded`, `slicing` and `trn` do; nothing is written then.
    """
    normalise = normaliser(normaliser_name)
    decoded = read_decoded(experiment, split, decoder=decoder, data=data)
    slicings = [slicing(decoded.index, column) for column in by]
    made = report(decoded.rows, normaliser_name, pinyin=pinyin, slicings=slicings)
    check_words(made, [normalise(text) for text in decoded.index.texts])
    files = trn(decoded.rows, normalise, made.unit) if trn_folder else None
    scored = ScoredSplit(split, decoded.decoder, decoded.settings, made)
    if trn_folder and files:
        write_trn(trn_folder, files)
    with whole_file(decoded.folder / "score.json") as aside:
        written = json.dumps(scored.to_json(), ensure_ascii=False, indent=2)
        aside.write_text(written + "\n", encoding="utf-8")
    with whole_file(decoded.folder / "score.txt") as aside:
        aside.write_text(scored.to_text() + "\n", encoding="utf-8")
    return scored


def compare_experiments(
    first: str,
    second: str,
    split: str,
    *,
    normaliser_name: str = "prepared",
    pinyin: bool = False,
    data: Path | None = None,
) -> ComparedSplit:
    """Compare what was decoded in two experiments, or by two decoders of one.

    first, second: EXP or EXP:DECODER
    Raises UserError as `read_decoded` and `compare` do, and where both are the same hypotheses.
    """
    normaliser(normaliser_name)
    a, b = (
        read_decoded(experiment, split, decoder=decoder, data=data)
        for experiment, decoder in (_named(first), _named(second))
    )
    if a.folder.resolve() == b.folder.resolve():
        raise UserError(f"both are {a.folder}; name two experiments, or two decoders: EXP:DECODER")
    return ComparedSplit(split, a, b, compare(a.rows, b.rows, normaliser_name, pinyin=pinyin))


def check_words(made: Report, texts: Sequence[str]) -> None:
    """Refuse a report that scored another number of words than the normalised texts have."""
    counted = sum(len(words(text)) for text in texts)
    scored = made.words.score.units
    if (scored, made.utterances) != (counted, len(texts)):
        raise UserError(
            f"scored {scored:,} words of {made.utterances:,} utterances, but the index has "
            f"{counted:,} of {len(texts):,}; nothing was written"
        )


def _named(text: str) -> tuple[Path, str | None]:
    """EXP:DECODER in its parts; a folder may have a colon in its name."""
    experiment, colon, decoder = text.rpartition(":")
    if colon and experiment and decoder and not Path(text).is_dir():
        return Path(experiment), decoder
    return Path(text), None
