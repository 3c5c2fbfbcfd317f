"""The whole encoder: contracts, lengths, padding, options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ds2kit.encoders.architecture import PRESETS
from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.errors import UserError
from ds2kit.testing import EncoderContract
from ds2kit.types import Padded

Make = Callable[..., list[Tensor]]
Pad = Callable[..., Padded]

SMALL: dict[str, dict[str, Any]] = {
    "1D": {"convolutions": "1x1d", "channels": [6], "layers": 1},
    "2D": {"convolutions": "2x2d", "channels": [3, 4], "layers": 2, "cell": "rnn"},
    "forward": {
        "convolutions": "1x2d",
        "channels": [3],
        "time_strides": [4],
        "bidirectional": False,
        "lookahead": 3,
        "layers": 2,
    },
    "own inputs": {
        "convolutions": "1x1d",
        "channels": [6],
        "cell": "lstm",
        "shared_input": False,
        "layers": 2,
    },
    "without batch norm": {
        "convolutions": "2x1d",
        "channels": [6, 5],
        "activation": "tanh",
        "batch_norm": False,
        "fully_connected": 0,
        "layers": 1,
    },
}


def small(name: str) -> DeepSpeech2:
    torch.manual_seed(0)
    return DeepSpeech2(9, width=5, **SMALL[name]).double()


@pytest.fixture(params=SMALL)
def encoder(request: pytest.FixtureRequest) -> DeepSpeech2:
    return small(request.param)


class TestContract(EncoderContract):
    @pytest.fixture(params=SMALL)
    def encoder(self, request: pytest.FixtureRequest) -> DeepSpeech2:
        return small(request.param).float()


@pytest.mark.parametrize("convolutions", PRESETS)
def test_lengths_of_every_preset(convolutions: str) -> None:
    network = DeepSpeech2(8, convolutions=convolutions, width=4, layers=1)
    lengths = torch.arange(201)
    stride = {"1x1d": 2, "2x1d": 2, "3x1d": 2, "1x2d": 2, "2x2d": 2, "3x2d": 2}[convolutions]

    assert network.stride == stride
    promised = network.output_lengths(lengths)
    assert promised.tolist() == [-(-length // stride) for length in range(201)]
    channels = [2] * int(convolutions[0])
    network = DeepSpeech2(8, convolutions=convolutions, channels=channels, width=4, layers=1)
    with torch.no_grad():
        for length in range(201):
            output = network.eval()(Padded(torch.randn(1, length, 8), torch.tensor([length])))
            assert output.values.shape[1] == int(output.lengths) == promised[length]


def test_the_papers_sizes() -> None:
    sizes = {
        name: DeepSpeech2(161, convolutions=name, width=4, layers=1)
        .recurrences[0]
        .input.in_features
        for name in PRESETS
    }
    assert sizes == {
        "1x1d": 1280, "2x1d": 640, "3x1d": 512, "1x2d": 32 * 81, "2x2d": 1312, "3x2d": 2016
    }  # fmt: skip


def test_an_utterance_alone_and_among_longer_ones(
    encoder: DeepSpeech2, utterances: Make, padded: Pad
) -> None:
    speech = utterances([13, 1, 0, 30, 7], 9)
    with torch.no_grad():
        encoder(padded(speech))
        encoder.eval()
        together = encoder(padded(speech, extra=9))
        for number, utterance in enumerate(speech):
            alone = encoder(Padded(utterance[None], torch.tensor([len(utterance)])))
            length = int(alone.lengths)
            assert together.lengths[number] == length == alone.values.shape[1]
            ours = together.values[number, :length]
            torch.testing.assert_close(ours, alone.values[0], rtol=0, atol=1e-9)


def test_training_does_not_hang_on_order_and_padding(
    encoder: DeepSpeech2, utterances: Make, padded: Pad
) -> None:
    speech = utterances([13, 1, 0, 30, 7], 9)
    start = {name: value.clone() for name, value in encoder.state_dict().items()}

    def run(order: list[int], extra: int, fill: float) -> dict[str, Tensor]:
        encoder.load_state_dict(start)
        encoder.zero_grad()
        frames = padded([speech[number] for number in order], extra=extra, fill=fill)
        frames.values.requires_grad_()
        output = encoder(frames)
        found = {}
        loss = torch.zeros((), dtype=torch.float64)
        for place, number in enumerate(order):
            valid = output.values[place, : output.lengths[place]]
            found[f"output {number}"] = valid.detach().clone()
            loss = loss + (valid * torch.arange(1, valid.numel() + 1).view_as(valid)).sin().sum()
        loss.backward()
        for place, number in enumerate(order):
            found[f"input gradient {number}"] = frames.values.grad[place, : len(speech[number])]
            assert not frames.values.grad[place, len(speech[number]) :].any()
        found.update((f"gradient {name}", p.grad.clone()) for name, p in encoder.named_parameters())
        found.update((f"buffer {name}", b.clone()) for name, b in encoder.named_buffers())
        return found

    expected = run([0, 1, 2, 3, 4], 0, 0.0)
    for order, extra, fill in (
        ([0, 1, 2, 3, 4], 11, float("nan")),
        ([3, 2, 0, 4, 1], 4, float("inf")),
    ):
        found = run(order, extra, fill)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name].isfinite().all(), name
            torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-9, msg=name)


@pytest.mark.parametrize(("batch", "time"), [(0, 0), (0, 5), (2, 0), (2, 5)])
def test_no_frames_reach_every_parameter(encoder: DeepSpeech2, batch: int, time: int) -> None:
    """As an empty share of a step must: every rank's gradients exist."""
    values = torch.full((batch, time, 9), float("nan"), dtype=torch.float64)
    output = encoder(Padded(values, torch.zeros(batch, dtype=torch.int64)))
    output.values.sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert not parameter.grad.any(), name


def test_stages_lead_from_input_to_output(
    encoder: DeepSpeech2, utterances: Make, padded: Pad
) -> None:
    frames = padded(utterances([13, 4], 9))
    encoder.eval()
    staged = frames
    names = []
    for name, layer in encoder.stages():
        names.append(name)
        staged = layer(staged)
    assert torch.equal(staged.values, encoder(frames).values)
    assert len(set(names)) == len(names)
    mentioned = {id(p) for _, layer in encoder.stages() for p in layer.parameters()}
    assert mentioned == {id(p) for p in encoder.parameters()}


def test_names_and_shapes_of_what_is_saved() -> None:
    """A model saved today is loaded tomorrow."""
    network = DeepSpeech2(9, convolutions="1x2d", channels=[3], width=4, layers=1)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    norms = ["weight", "bias", "running_mean", "running_variance"]
    expected: dict[str, tuple[int, ...]] = {
        "convolutions.0.convolution.weight": (3, 1, 11, 41),
        "recurrences.0.input.weight": (12, 15),
        "recurrences.0.recurrent": (2, 12, 4),
        "fully_connected.0.linear.weight": (4, 4),
    }
    for place, features in (("convolutions", 3), ("recurrences", 12), ("fully_connected", 4)):
        expected |= {f"{place}.0.norm.{name}": (features,) for name in norms}
        expected[f"{place}.0.norm.batches"] = ()
    assert shapes == expected


def test_the_papers_number_of_parameters() -> None:
    """38 M for 7 recurrent layers of 1280 with one 1D convolution and a shared input matrix."""
    network = DeepSpeech2(
        161, convolutions="1x1d", channels=[1280], cell="rnn", width=1280, layers=7
    )
    count = sum(p.numel() for p in network.parameters()) / 1e6
    assert count == pytest.approx((161 * 11 * 1280 + 7 * 3 * 1280**2 + 1280**2) / 1e6, rel=0.01)


@pytest.mark.parametrize("cell", ["gru", "rnn"])
@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_seven_layers_begin_alive(cell: str, batch_norm: bool, bidirectional: bool) -> None:
    torch.manual_seed(0)
    network = DeepSpeech2(
        20,
        convolutions="1x1d",
        channels=[32],
        width=48,
        layers=7,
        cell=cell,
        batch_norm=batch_norm,
        bidirectional=bidirectional,
    )
    frames = Padded(torch.randn(4, 300, 20), torch.tensor([300, 290, 280, 60]))
    output = network(frames).values
    assert output.max() < 15
    assert output[:, :30].std() > 0.01
    (output * torch.randn_like(output)).sum().backward()
    norms = [layer.recurrent.grad.norm().item() for layer in network.recurrences]
    assert max(norms) < 30 * min(norms)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"convolutions": "2x2D"}, "convolutions is '2x2D'.*did you mean '2x2d'"),
        ({"cell": "qrnn"}, "cell is 'qrnn'; it takes gru, rnn, lstm"),
        ({"activation": "relu"}, "activation is 'relu'"),
        ({"layers": 0}, "layers is 0; it takes 1 to 7"),
        ({"layers": 8}, "layers is 8"),
        ({"width": 0}, "width is 0"),
        ({"lookahead": -1, "bidirectional": False}, "lookahead is -1"),
        ({"lookahead": 5}, "set bidirectional to false"),
        ({"fully_connected": -1}, "fully_connected is -1"),
        ({"channels": [3]}, r"channels is \[3\]; 2x2d takes 2"),
        ({"channels": []}, r"channels is \[\]; 2x2d takes 2"),
        ({"time_kernels": [11, 10]}, "kernels are odd"),
        ({"frequency_kernels": [4, 3]}, "kernels are odd"),
        ({"time_strides": [2, 0]}, "each is at least 1"),
        ({"convolutions": "1x1d", "frequency_strides": [2]}, "convolves time alone"),
        ({"width": "auto"}, "width is auto; say how many parameters"),
        (
            {"width": 3, "parameters": 1e6},
            "parameters is 1e\\+06 and width 3; for that, set width to auto",
        ),
        ({"width": "auto", "parameters": 5.0}, "parameters is 5; these layers have at least"),
    ],
)
def test_refuses(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        DeepSpeech2(9, **options)
    assert "\n" not in str(caught.value)


def test_names_everything_that_is_wrong() -> None:
    with pytest.raises(UserError) as caught:
        DeepSpeech2(9, layers=9, width=0, time_kernels=[4, 4])
    for name in ("layers", "width", "time_kernels"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cell": "rnn", "layers": 7, "convolutions": "1x1d", "batch_norm": False},
        {"cell": "lstm", "layers": 2, "shared_input": False, "fully_connected": 0},
        {"bidirectional": False, "lookahead": 9, "fully_connected": 3},
    ],
)
@pytest.mark.parametrize("wanted", [3e5, 1234567])
def test_a_width_is_found_for_a_number_of_parameters(
    options: dict[str, Any], wanted: float
) -> None:
    def size(width: int) -> float:
        made = DeepSpeech2(21, width=width, channels=channels, **options)
        return sum(parameter.numel() for parameter in made.parameters())

    channels = [8] * int(options.get("convolutions", "2x2d")[0])
    width = DeepSpeech2(
        21, width="auto", parameters=wanted, channels=channels, **options
    ).output_size
    off = [abs(size(near) - wanted) for near in (width - 1, width, width + 1)]
    assert off[1] == min(off)
    assert off[1] < 0.05 * wanted


def test_equal_sizes_as_in_the_papers_tables() -> None:
    """38 million parameters, in 1 to 7 recurrent layers."""
    for layers, hidden, width in ((1, 3, 2400), (3, 1, 1880), (5, 1, 1510), (7, 1, 1280)):
        options: dict[str, Any] = {"convolutions": "1x1d", "channels": [width], "cell": "rnn"}
        options["fully_connected"] = hidden
        with torch.device("meta"):
            found = DeepSpeech2(161, width="auto", parameters=38.5e6, layers=layers, **options)
        assert abs(found.output_size - width) < 0.03 * width
