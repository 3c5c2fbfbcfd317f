"""The decoder of a model folder: the default of `ds2kit decode` and `ds2kit transcribe`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ds2kit import config as configs
from ds2kit.files import whole_file
from ds2kit.model_folder import CARD, CONFIG, portable_yaml
from ds2kit.options import Chosen
from ds2kit.registry import Toolkit
from ds2kit.settings import Config

TOLD = "Tuned on "
"""How the line of the card begins that says so."""


def set_default(folder: Path, config: Config, decoder: Chosen, told: str, toolkit: Toolkit) -> None:
    """Make a decoder the default of a model folder, to which its files are copied.

    config: the model's
    told:   a line for the model's card, about what the decoder was tuned on; another one goes
    Raises UserError where the disk refuses.
    """
    before = set(_files(configs.load(folder / CONFIG, toolkit).decoder))
    text = portable_yaml(folder, replace(config, decoder=decoder))
    with whole_file(folder / CONFIG) as aside:
        aside.write_text(text, encoding="utf-8")
    now = set(_files(configs.load(folder / CONFIG, toolkit).decoder))
    for left in before - now:
        if left.parent == folder.resolve():  # a copy of what an earlier default needed
            left.unlink(missing_ok=True)
    card = folder / CARD
    lines = card.read_text(encoding="utf-8").splitlines() if card.is_file() else []
    kept = "\n".join(line for line in lines if not line.startswith(TOLD)).rstrip()
    with whole_file(card) as aside:
        aside.write_text(f"{kept}\n\n{TOLD}{told}\n".lstrip(), encoding="utf-8")


def _files(decoder: Chosen) -> Iterator[Path]:
    for part in decoder.parts():
        yield from (value for value in part.options.values() if isinstance(value, Path))
