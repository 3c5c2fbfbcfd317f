"""References and hypotheses as NIST's sclite reads them: transcripts, `text (speaker-key)`.

    sctk sclite -r ref.trn trn -h hyp.trn trn -i rm -s -e utf-8

An id's speaker ends at its first hyphen; `-s` counts case, as ds2kit does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from ds2kit.errors import UserError
from ds2kit.files import whole_file
from ds2kit.scoring.align import Unit
from ds2kit.scoring.measures import LEADING
from ds2kit.scoring.rows import Row
from ds2kit.text.normalise import Normaliser

UNKNOWN_SPEAKER = "unknown"


def trn(rows: Sequence[Row], normalise: Normaliser, unit: Unit) -> tuple[str, str]:
    """The texts of ref.trn and hyp.trn: the units that lead, with spaces between them.

    In an id, whatever is no letter of ASCII, digit, or one of `._~/` (in a key also `-`) is
    written as %XX of its UTF-8.
    Raises UserError, which names the key, where a text has what sclite takes for its own signs.
    """
    units = LEADING[unit].units
    references: list[str] = []
    hypotheses: list[str] = []
    for row in rows:
        name = f"{_speaker(row.speaker)}-{quote(row.key)}"
        for text, lines in ((row.reference, references), (row.hypothesis, hypotheses)):
            found = units(normalise(text))
            _check(found, row.key)
            lines.append(f"{' '.join(found)} ({name})\n")
    return "".join(references), "".join(hypotheses)


def write_trn(folder: Path, files: tuple[str, str]) -> None:
    """Write ref.trn and hyp.trn into the folder."""
    for name, text in zip(("ref.trn", "hyp.trn"), files, strict=True):
        with whole_file(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")


def _speaker(speaker: str) -> str:
    return quote(speaker or UNKNOWN_SPEAKER).replace("-", "%2D")


def _check(units: Sequence[str], key: str) -> None:
    """Refuse alternatives in braces, the empty word, words of which sclite would not read what
    follows a semicolon, and lines that would be comments.
    """
    signs = [
        unit
        for unit in units
        if "{" in unit or "}" in unit or unit == "@" or (";" in unit and unit != ";")
    ]
    signs += [unit for unit in units[:1] if unit.startswith("**")]
    if signs:
        raise UserError(
            f"'{key}' has {signs[0]!r}, which sclite takes for a sign of its own; "
            "--normaliser plain leaves punctuation out"
        )
