"""Every variant of the family keeps every contract: a hundred of them here, all when slow."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from ds2kit.encoders.architecture import PRESETS
from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.errors import UserError
from ds2kit.types import Chunk, Padded

Make = Callable[..., list[Tensor]]
Pad = Callable[..., Padded]

FEATURES, LENGTHS, ORDER = 11, [13, 1, 0, 30, 7], [3, 2, 0, 4, 1]

DIRECTIONS: list[dict[str, Any]] = [
    {},
    {"shared_input": False},
    {"bidirectional": False},
    {"bidirectional": False, "lookahead": 3},
]

TIME_STRIDES = {1: [1, 1, 1], 2: [1, 2, 1], 3: [3, 1, 1], 4: [2, 2, 1]}
"""Of the convolutions, by the whole stride."""


def variants() -> list[dict[str, Any]]:
    """The cross product of what a yaml may choose, small."""
    found = []
    for preset, cell, activation, directions, batch_norm, stride, layers, hidden in product(
        PRESETS,
        ["rnn", "gru", "lstm"],
        ["clipped_relu", "tanh"],
        DIRECTIONS,
        [True, False],
        [1, 2, 3, 4],
        [1, 2],
        [0, 1],
    ):
        count = int(preset[0])
        found.append(
            {
                "convolutions": preset,
                "channels": [3] * count,
                "time_strides": TIME_STRIDES[stride][:count] if count > 1 else [stride],
                "cell": cell,
                "activation": activation,
                **directions,
                "batch_norm": batch_norm,
                "width": 4,
                "layers": layers,
                "fully_connected": hidden,
            }
        )
    return found


ALL = variants()
SAMPLED = [ALL[i] for i in np.random.default_rng(0).choice(len(ALL), 100, replace=False)]


@pytest.mark.parametrize("options", SAMPLED, ids=range(len(SAMPLED)))
def test_a_hundred_keep_the_contracts(
    options: dict[str, Any], utterances: Make, padded: Pad
) -> None:
    _keeps_every_contract(options, utterances, padded)


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_all_keep_the_contracts(preset: str, cell: str, utterances: Make, padded: Pad) -> None:
    own = [v for v in ALL if (v["convolutions"], v["cell"]) == (preset, cell)]
    assert len(own) == 256
    for options in own:
        _keeps_every_contract(options, utterances, padded)


def _keeps_every_contract(options: dict[str, Any], utterances: Make, padded: Pad) -> None:
    torch.manual_seed(0)
    encoder = DeepSpeech2(FEATURES, **options).double()
    speech = utterances(LENGTHS, FEATURES)
    _training_sees_no_padding(encoder, speech, padded)
    encoder.eval()
    alone = [_alone(encoder, utterance) for utterance in speech]
    _neighbours_change_nothing(encoder, speech, alone, padded)
    _lengths_are_promised(encoder)
    _survives_saving(encoder, options, speech, alone)
    _steps_are_forward(encoder, speech, alone)


def _alone(encoder: DeepSpeech2, utterance: Tensor) -> Tensor:
    with torch.no_grad():
        output = encoder(Padded(utterance[None], torch.tensor([len(utterance)])))
    return output.values[0]


def _training_sees_no_padding(encoder: DeepSpeech2, speech: list[Tensor], padded: Pad) -> None:
    """Another order, and NaN in more padding: the same outputs, gradients and statistics."""
    start = {name: value.clone() for name, value in encoder.state_dict().items()}
    found: list[dict[str, Tensor]] = []
    for order, extra, fill in ((range(len(speech)), 0, 0.0), (ORDER, 5, float("nan"))):
        encoder.load_state_dict(start)
        encoder.zero_grad()
        output = encoder(padded([speech[number] for number in order], extra=extra, fill=fill))
        own: dict[str, Tensor] = {}
        loss = output.values.new_zeros(())
        for place, number in enumerate(order):
            valid = output.values[place, : output.lengths[place]]
            own[f"output {number}"] = valid.detach().clone()
            loss = loss + (valid * torch.arange(1, valid.numel() + 1).view_as(valid)).sin().sum()
        loss.backward()
        for name, parameter in encoder.named_parameters():
            assert parameter.grad is not None, name
            own[f"gradient {name}"] = parameter.grad.clone()
        own |= {name: buffer.clone() for name, buffer in encoder.named_buffers()}
        found.append(own)
    for name, value in found[0].items():
        assert found[1][name].isfinite().all(), name
        torch.testing.assert_close(found[1][name], value, rtol=1e-9, atol=1e-9, msg=name)


def _neighbours_change_nothing(
    encoder: DeepSpeech2, speech: list[Tensor], alone: list[Tensor], padded: Pad
) -> None:
    with torch.no_grad():
        together = encoder(padded(speech, extra=9, fill=float("nan")))
    for number, own in enumerate(alone):
        assert together.lengths[number] == len(own)
        ours = together.values[number, : len(own)]
        torch.testing.assert_close(ours, own, rtol=0, atol=1e-9)


def _lengths_are_promised(encoder: DeepSpeech2) -> None:
    lengths = torch.arange(12)
    promised = encoder.output_lengths(lengths)
    assert promised.tolist() == [-(-length // encoder.stride) for length in range(12)]
    with torch.no_grad():
        output = encoder(Padded(torch.zeros(12, 11, FEATURES, dtype=torch.float64), lengths))
    assert torch.equal(output.lengths, promised)


def _survives_saving(
    encoder: DeepSpeech2, options: dict[str, Any], speech: list[Tensor], alone: list[Tensor]
) -> None:
    torch.manual_seed(1)
    again = DeepSpeech2(FEATURES, **options).double()
    again.load_state_dict(load(save({n: v.clone() for n, v in encoder.state_dict().items()})))
    assert torch.equal(_alone(again.eval(), speech[0]), alone[0])


def _steps_are_forward(encoder: DeepSpeech2, speech: list[Tensor], alone: list[Tensor]) -> None:
    if encoder.bidirectional:
        with pytest.raises(UserError, match="from both ends"):
            encoder.initial_state(1)
        return
    stride, offset = encoder.stride, 2
    time = max(LENGTHS) // stride * stride + (offset + 1) * stride
    timeline = Chunk.void(encoder, len(speech), time, FEATURES)
    for number, utterance in enumerate(speech):  # each begins when another does not
        begin = (number % (offset + 1)) * stride
        timeline.values[number, begin : begin + len(utterance)] = utterance
        timeline.valid[number, begin : begin + len(utterance)] = True
    state, parts = encoder.initial_state(len(speech)), []
    with torch.no_grad():
        for size in (1, 3, 2, time):
            chunk, timeline = timeline.cut(size * stride)
            if chunk.valid.shape[1]:
                out, state = encoder.step(chunk, state)
                parts.append(out)
        parts.append(encoder.finish(state, len(speech)))
    values = torch.cat([part.values for part in parts], dim=1)
    valid = torch.cat([part.valid for part in parts], dim=1)
    for number, own in enumerate(alone):
        heard = values[number][valid[number]]
        torch.testing.assert_close(heard, own, rtol=0, atol=1e-9)
