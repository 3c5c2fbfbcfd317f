"""The folder in which a trained model stands alone: its config, tokenizer, weights and card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as serialised
from torch import Tensor, nn

from ds2kit import config as configs
from ds2kit.components import Tokenizer
from ds2kit.errors import UserError
from ds2kit.files import copy_whole, whole_file
from ds2kit.model import AcousticModel, build
from ds2kit.options import Chosen
from ds2kit.registry import Toolkit
from ds2kit.settings import Config

CONFIG, TOKENIZER, WEIGHTS, CARD = "config.yaml", "tokenizer.json", "weights.safetensors", "card.md"


def save(
    folder: Path, model: AcousticModel, config: Config, card: str, *, half: bool = False
) -> None:
    """Write a model folder; each file appears whole, the weights last.

    The decoder's files, a language model say, are copied into it: the folder stands alone.

    half: parameters in bfloat16, half the size; learned statistics stay in float32
    """
    texts = {
        CONFIG: portable_yaml(folder, config),
        TOKENIZER: tokenizer_json(model.tokenizer, config),
        CARD: card,
    }
    for name, text in texts.items():
        with whole_file(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")
    save_weights(folder / WEIGHTS, model, half=half)


def portable_yaml(folder: Path, config: Config) -> str:
    """The text of a model folder's config.yaml; copies the decoder's files into the folder."""
    portable = replace(config, decoder=_carried(config.decoder, folder))
    return configs.to_yaml(portable, model_only=True)


def _carried(chosen: Chosen, folder: Path) -> Chosen:
    """A component by the names of its files in a folder, to which they are copied."""
    options: dict[str, Any] = {}
    for name, value in chosen.options.items():
        if isinstance(value, Chosen):
            options[name] = _carried(value, folder)
        elif isinstance(value, Path):
            of = chosen.kind if name == "path" else name
            options[name] = Path(of + "".join(value.suffixes[-2:]))
            copy_whole(value, folder / options[name])
        else:
            options[name] = value
    return Chosen(chosen.kind, chosen.name, options)


def save_weights(path: Path, model: AcousticModel, *, half: bool = False) -> None:
    """Write a model's weights and statistics alone, as `read_weights` reads them; `half` as in
    `save`.
    """
    parameters = {name for name, _ in model.named_parameters()}
    weights = {
        name: (value.bfloat16() if half and name in parameters else value.float())
        .detach()
        .cpu()
        .contiguous()
        if value.is_floating_point()
        else value.detach().cpu().contiguous()
        for name, value in model.state_dict().items()
    }
    with whole_file(path) as aside:
        # Into bytes first: safetensors' own file writing makes no OSError of a full disk. It keeps
        # several metadata in no certain order: with one, the same model is the same file.
        aside.write_bytes(serialised(weights, metadata={"tokens": _digest(model.tokenizer)}))


def load(folder: Path, toolkit: Toolkit) -> tuple[AcousticModel, Config]:
    """The model of a folder, in evaluation and float32, and the config it was made with.

    Raises UserError where something is missing, damaged, or not installed.
    """
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise UserError(
            f"{folder} is no model folder; expected {CONFIG}, {TOKENIZER} and {WEIGHTS} in it"
        )
    config = configs.load(folder / CONFIG, toolkit)
    tokenizer = load_tokenizer(folder / TOKENIZER, config, toolkit)
    model = build(config, tokenizer, toolkit)
    weights = read_weights(folder / WEIGHTS, tokenizer)
    load_weights(model, weights, str(folder / WEIGHTS))
    return model.eval(), config


def tokenizer_json(tokenizer: Tokenizer, config: Config) -> str:
    """The text of tokenizer.json."""
    tree = {"name": config.tokenizer.name, "state": tokenizer.to_json()}
    return json.dumps(tree, ensure_ascii=False, indent=1) + "\n"


def load_tokenizer(path: Path, config: Config, toolkit: Toolkit) -> Tokenizer:
    """The tokenizer of a tokenizer.json. Raises UserError where it is missing or another's."""
    if not path.is_file():
        raise UserError(f"{path} is not there; it belongs to the model, copy it along")
    name, _ = _saved_tokenizer(path)
    if name != config.tokenizer.name:
        raise UserError(f"{path} is of tokenizer '{name}', the config of '{config.tokenizer.name}'")
    return read_tokenizer(path, toolkit)


def read_tokenizer(path: Path, toolkit: Toolkit) -> Tokenizer:
    """The tokenizer of a tokenizer.json alone, or of a folder of a model or experiment.

    Raises UserError where there is none, or it is damaged.
    """
    if path.is_dir():
        path = path / TOKENIZER
    if not path.is_file():
        raise UserError(f"{path} is not there; expected a model's folder or its {TOKENIZER}")
    name, state = _saved_tokenizer(path)
    component = toolkit.component("tokenizer", name)
    try:
        made: Tokenizer = component.from_json(state)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} is damaged: {component.__name__} cannot read it ({error})"
        ) from error
    return made


def _saved_tokenizer(path: Path) -> tuple[str, Mapping[str, Any]]:
    """Name and state of a tokenizer.json."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        return tree["name"], tree["state"]
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is damaged; expected the JSON that training wrote") from None


def read_weights(path: Path, tokenizer: Tokenizer) -> dict[str, Tensor]:
    """The tensors of a safetensors file, saved with a tokenizer of the same tokens.

    Raises UserError where it is damaged, or was saved with another.
    """
    try:
        weights = load_file(path)
        with safe_open(path, framework="pt") as opened:
            made_with = opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} cannot be read ({error}); copy or train it again") from None
    if made_with.get("tokens", "") not in ("", _digest(tokenizer)):
        raise UserError(
            f"{path} was trained with another {TOKENIZER} than lies beside it; put that one back"
        )
    return weights


def _digest(tokenizer: Tokenizer) -> str:
    return hashlib.sha256(json.dumps(tokenizer.tokens).encode()).hexdigest()


def load_weights(model: nn.Module, weights: Mapping[str, Any], name: str) -> None:
    """Set a model's weights and statistics, all of them or none; raises UserError with the first
    that does not fit.
    """
    own = model.state_dict()
    for key in own:
        if key not in weights:
            raise UserError(f"{name} lacks {key}; it is of a model with other settings")
        if own[key].shape != weights[key].shape:
            found, wanted = list(weights[key].shape), list(own[key].shape)
            raise UserError(
                f"{name}: {key} is {found}, this model's is {wanted}; "
                "it is of another tokenizer or of other settings"
            )
    for key in weights:
        if key not in own:
            raise UserError(f"{name} has {key}, this model has not; it is of other settings")
    model.load_state_dict(dict(weights))
