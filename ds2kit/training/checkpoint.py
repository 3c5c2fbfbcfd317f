"""Checkpoints: everything that going on needs, and nothing that can run code."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from ds2kit.errors import UserError
from ds2kit.files import whole_file
from ds2kit.training.progress import Progress

FORMAT = 1
LAST, BEST = "last.ckpt", "best.ckpt"


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint aside, fsync and rename it: the old one stays until the new one stands."""
    with whole_file(path) as aside:
        torch.save({"format": FORMAT, **state}, aside)


def load(path: Path) -> dict[str, Any]:
    """A checkpoint's tensors and numbers; nothing else is unpickled.

    Raises UserError where the file is damaged, holds code, or is of a later format.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path} is not there; has the training begun?") from None
    except (RuntimeError, ValueError, EOFError, OSError, pickle.UnpicklingError):
        raise UserError(
            f"{path} is damaged or no checkpoint of ds2kit; remove it to train from the start"
        ) from None
    if not isinstance(state, dict) or not {"format", "model", "progress"} <= state.keys():
        raise UserError(f"{path} is no checkpoint of ds2kit; remove it to train from the start")
    if state["format"] > FORMAT:
        raise UserError(f"{path} is of format {state['format']}; this ds2kit reads up to {FORMAT}")
    return state


def progress_state(progress: Progress) -> dict[str, Any]:
    """The place in the plan, as a checkpoint holds it."""
    return asdict(progress)


def restore_progress(state: Mapping[str, Any]) -> Progress:
    """The place in the plan that a checkpoint holds."""
    return Progress(**{field.name: state["progress"][field.name] for field in fields(Progress)})
