"""From a waveform to log-probabilities, and the folder in which a trained model stands alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as serialised
from torch import Tensor, nn

from ds2kit import config as configs
from ds2kit.components import (
    Encoder,
    Frontend,
    StreamingEncoder,
    StreamingFrontend,
    Tokenizer,
)
from ds2kit.errors import UserError
from ds2kit.files import copy_whole, whole_file
from ds2kit.options import Chosen
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.types import Chunk, Padded, State

CONFIG, TOKENIZER, WEIGHTS, CARD = "config.yaml", "tokenizer.json", "weights.safetensors", "card.md"


class AcousticModel(nn.Module):
    """Frontend, encoder and output layer: the probability of each token in each frame.

    frame_seconds: from one output frame to the next
    """

    def __init__(self, frontend: Frontend, encoder: Encoder, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.frontend = frontend
        self.encoder = encoder
        self.tokenizer = tokenizer
        self.output = nn.Linear(encoder.output_size, tokenizer.size)

    @property
    def sample_rate(self) -> int:
        """Hertz."""
        return self.frontend.sample_rate

    @property
    def frame_seconds(self) -> float:
        return self.frontend.frame_seconds * self.encoder.stride

    def forward(self, waveforms: Padded) -> Padded:
        """[batch, samples] in [-1, 1] to [batch, frames, vocabulary] natural logarithms."""
        return self.classify(self.frontend(waveforms))

    def classify(self, frames: Padded) -> Padded:
        """[batch, frames, features] of the frontend to log-probabilities, in float32 at least."""
        if not frames.values.shape[1]:
            # A batch without a single frame: one of padding, which every encoder can take.
            frames = Padded(F.pad(frames.values, (0, 0, 0, 1)), frames.lengths)
        encoded = self.encoder(frames)
        return Padded(self._log_probs(encoded.cleared().values), encoded.lengths)

    def output_lengths(self, samples: Tensor) -> Tensor:
        """Output frames for so many samples."""
        return self.encoder.output_lengths(self.frontend.output_lengths(samples))

    @property
    def samples_per_step(self) -> int:
        """Samples of one output frame: what `step` takes is a whole number of these."""
        frontend, encoder = self._streaming()
        return frontend.stride * encoder.stride

    @property
    def delay(self) -> int:
        """Samples after which the output of a frame is certain to be out."""
        frontend, encoder = self._streaming()
        return frontend.delay + encoder.delay * frontend.stride

    @property
    def lead(self) -> int:
        """Void samples between a step's beginning and a stream's, less than a step.

        So the stream's first frame, the frontend's delay later, begins a stride of the encoder's.
        """
        frontend, _ = self._streaming()
        return -frontend.delay % self.samples_per_step

    def initial_state(self, streams: int) -> State:
        """The state of `streams` streams that have heard nothing yet.

        Raises UserError, with the reason, where the frontend or the encoder cannot stream.
        """
        frontend, encoder = self._streaming()
        return frontend.initial_state(streams), encoder.initial_state(streams)

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        """The next [streams, samples], whole steps, to [streams, frames, vocabulary].

        A stream begins `lead` samples after a step does; `ds2kit.streaming` sees to it.
        """
        frontend, encoder = self._streaming()
        frames, frontend_state = frontend.step(chunk, state[0])
        encoded, encoder_state = encoder.step(frames, state[1])
        log_probs = Chunk(self._log_probs(encoded.values), encoded.valid).cleared()
        return log_probs, (frontend_state, encoder_state)

    def finish(self, state: State, streams: int) -> Chunk:
        """What is still on its way when no more sound comes."""
        step = self.samples_per_step
        silence = Chunk.void(self, streams, max(1, -(-self.delay // step)) * step)
        last, _ = self.step(silence, state)
        return last

    def _log_probs(self, encoded: Tensor) -> Tensor:
        """[..., features] of the encoder to [..., vocabulary]."""
        logits: Tensor = self.output(encoded)
        return logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(dim=-1)

    def _streaming(self) -> tuple[StreamingFrontend, StreamingEncoder]:
        if not isinstance(self.frontend, StreamingFrontend):
            raise UserError(_cannot_stream("frontend", self.frontend))
        if not isinstance(self.encoder, StreamingEncoder):
            raise UserError(_cannot_stream("encoder", self.encoder))
        return self.frontend, self.encoder


def _cannot_stream(kind: str, part: nn.Module) -> str:
    return (
        f"the {kind} {type(part).__name__} cannot work through speech as it arrives; transcribe "
        "whole recordings, or train a model with one that can"
    )


def build(config: Config, tokenizer: Tokenizer, toolkit: Toolkit) -> AcousticModel:
    """A new model by a config, its weights drawn from torch's generator."""
    frontend = toolkit.make(config.frontend, config.data.sample_rate)
    encoder = toolkit.make(config.encoder, frontend.output_size)
    return AcousticModel(frontend, encoder, tokenizer)


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
