"""Checkpoints: everything that going on needs, and nothing that can run code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    with whole_file(path) as aside, aside.open("wb") as file:
        try:
            torch.save({"format": FORMAT, **state}, file)
        except RuntimeError as error:
            # torch stumbles over what the file raised: a full disk.
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


NEEDED = ("model", "optimizer", "progress", "precision", "indexes", "tokens")
"""What going on needs of a checkpoint."""


def load(path: Path, needed: Sequence[str] = NEEDED) -> dict[str, Any]:
    """A checkpoint's tensors and numbers; nothing else is unpickled.

    needed: parts that must be in it
    Raises UserError where the file is damaged, holds code, or is of a later format.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path} is not there; has the training begun?") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception:
        # What torch raises depends on which bytes are damaged.
        raise UserError(
            f"{path} is damaged or no checkpoint of ds2kit; remove it to train from the start"
        ) from None
    if not isinstance(state, dict) or not isinstance(state.get("format"), int):
        raise UserError(f"{path} is no checkpoint of ds2kit; remove it to train from the start")
    if state["format"] > FORMAT:
        raise UserError(f"{path} is of format {state['format']}; this ds2kit reads up to {FORMAT}")
    lacking = [part for part in needed if part not in state]
    if lacking:
        raise UserError(
            f"{path} cannot be gone on from, it lacks {', '.join(lacking)}; "
            "remove it to train from the start"
        )
    return state


def progress_state(progress: Progress) -> dict[str, Any]:
    """The place in the plan, as a checkpoint holds it."""
    return asdict(progress)


def restore_progress(state: Mapping[str, Any]) -> Progress:
    """The place in the plan that a checkpoint holds."""
    held = state["progress"]
    return Progress(
        **{field.name: held[field.name] for field in fields(Progress) if field.name in held}
    )
