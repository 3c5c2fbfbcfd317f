"""Deep Speech 2 in any language: `ds2kit.load(folder).transcribe(path_or_array)`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ds2kit.decoding.transcriber import Transcriber

__version__ = "0.1.0"


def load(folder: str | Path) -> Transcriber:
    """The trained model of a folder (an experiment's `model/`, or a copy of it), ready to use.

    Raises ds2kit.errors.UserError where it is no model, damaged, or a component is missing.
    """
    # Inside, so that `import ds2kit` stays light: torch takes longer than everything else.
    from ds2kit.decoding import transcriber
    from ds2kit.registry import Toolkit

    return transcriber.load(Path(folder), Toolkit.installed())
