"""deepspeech2 and its layers on speech as it arrives."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.encoders.layers import Convolution, Recurrence, RowConvolution
from ds2kit.errors import UserError
from ds2kit.testing import EncoderContract, StreamingContract
from ds2kit.types import Chunk

FORWARD: dict[str, dict[str, Any]] = {
    "no delay": {
        "convolutions": "1x1d",
        "channels": [6],
        "time_kernels": [1],
        "time_strides": [1],
        "layers": 1,
    },
    "strides of two convolutions": {
        "convolutions": "2x2d",
        "channels": [3, 2],
        "time_kernels": [11, 5],
        "time_strides": [3, 2],
        "layers": 2,
        "lookahead": 4,
    },
    "a stride later than the kernel's reach": {
        "convolutions": "3x1d",
        "channels": [4, 4, 4],
        "time_kernels": [3, 1, 5],
        "time_strides": [1, 4, 1],
        "cell": "rnn",
        "layers": 2,
        "lookahead": 1,
    },
    "memory without batch norm": {
        "convolutions": "1x2d",
        "channels": [3],
        "cell": "lstm",
        "activation": "tanh",
        "batch_norm": False,
        "layers": 2,
    },
}


class TestDeepSpeech2(EncoderContract, StreamingContract):
    @pytest.fixture(params=FORWARD)
    def encoder(self, request: pytest.FixtureRequest) -> DeepSpeech2:
        torch.manual_seed(0)
        return DeepSpeech2(9, width=5, bidirectional=False, **FORWARD[request.param])


@pytest.mark.parametrize(
    ("options", "delays"),
    [
        # 5 frames of reach, to whole strides of 2 x 1; then 5 frames of 20 ms, and 3 of them ahead.
        ({"convolutions": "2x2d", "lookahead": 3}, [6, 10, 0, 6, 0]),
        # The first waits longer than it reaches, so that the second begins on its boundary.
        ({"convolutions": "2x1d", "time_strides": [2, 3]}, [6, 6, 0, 0]),
    ],
)
def test_a_layers_delay_is_whole_strides_of_what_follows(
    options: dict[str, Any], delays: list[int]
) -> None:
    channels = [2] * int(options["convolutions"][0])
    encoder = DeepSpeech2(9, width=4, layers=1, channels=channels, bidirectional=False, **options)
    assert [delay for _, delay in encoder.delays()] == delays
    assert encoder.delay == sum(delays)
    assert [name for name, _ in encoder.delays()] == [name for name, _ in encoder.stages()]


def test_both_directions_do_not_stream() -> None:
    encoder = DeepSpeech2(9, width=4, layers=1, convolutions="1x1d").eval()
    with pytest.raises(UserError, match=r"from both ends.*bidirectional: false"):
        encoder.initial_state(1)


def test_training_does_not_stream() -> None:
    encoder = DeepSpeech2(9, width=4, layers=1, convolutions="1x1d", bidirectional=False)
    with pytest.raises(UserError, match="call eval"):
        encoder.initial_state(1)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_recurrence_holds_its_state_over_void_frames(cell: Any) -> None:
    layer = Recurrence(4, 5, cell, bidirectional=False).eval()
    speech, state = Chunk(torch.randn(2, 3, 4), torch.ones(2, 3, dtype=torch.bool)), None
    _, state = layer.step(speech, layer.initial_state(2))
    output, after = layer.step(Chunk.void(layer, 2, 4, 4), state)
    assert torch.equal(after, state)
    assert not output.values.any()
    assert not output.valid.any()


def test_layers_say_how_long_they_wait() -> None:
    kernels: dict[str, Any] = {"kernel": (7, 1), "stride": (2, 1)}
    assert Convolution(1, 4, 3, **kernels).delay == 3
    assert Convolution(1, 4, 3, **kernels, boundary=4).delay == 4
    assert RowConvolution(4, 6).delay == 6
    assert Recurrence(4, 5, bidirectional=False).delay == 0
