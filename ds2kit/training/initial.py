"""What a training starts from: the transcripts and the speech, or another model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from ds2kit import model_folder
from ds2kit.components import Tokenizer
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.training.data import Speech


def initial_tokenizer(
    config: Config, speech: Speech, toolkit: Toolkit, init: Path | None
) -> Tokenizer:
    """The tokenizer of `init`, where it can write all transcripts; else one learned from them."""
    component: type[Tokenizer] = toolkit.component("tokenizer", config.tokenizer.name)
    if init is not None:
        model, other = model_folder.load(init, toolkit)
        same = other.tokenizer.name == config.tokenizer.name
        if same and not any(model.tokenizer.foreign(text) for text in speech.texts):
            return model.tokenizer
    learned: Tokenizer = toolkit.learn(config.tokenizer, component.learn, speech.texts)
    return learned


def initial_model(
    model: AcousticModel,
    config: Config,
    speech: Speech,
    toolkit: Toolkit,
    init: Path | None,
    say: Callable[[str], None],
) -> None:
    """Set the weights and statistics that training starts from.

    From `init` every weight of the same name and shape is taken, the output layer only where the
    tokenizer is the same; the frontend's statistics come with it. Else they are learned.
    """
    taken: list[str] = []
    if init is not None:
        other, _ = model_folder.load(init, toolkit)
        own, theirs = model.state_dict(), other.state_dict()
        same_tokens = other.tokenizer.tokens == model.tokenizer.tokens
        taken = [
            name
            for name in own
            if name in theirs
            and own[name].shape == theirs[name].shape
            and (same_tokens or not name.startswith("output."))
        ]
        model.load_state_dict(own | {name: theirs[name] for name in taken})
        left = [name for name in own if name not in taken]
        say(f"from {init}: {len(taken)} of {len(own)} tensors; new: {', '.join(left) or 'none'}")
    statistics = [name for name in model.state_dict() if name.startswith("frontend.")]
    if not statistics or not set(statistics) <= set(taken):
        with torch.no_grad():
            sample = speech.sample(model.tokenizer)
            toolkit.learn(config.frontend, model.frontend.learn, sample)
