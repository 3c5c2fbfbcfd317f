"""The network from sound to log-probabilities: its lengths, its streams, what cannot stream."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ds2kit import config as configs
from ds2kit import model as models
from ds2kit import model_folder
from ds2kit.components import Encoder, Frontend
from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.errors import UserError
from ds2kit.frontends.log_spectrogram import LogSpectrogram
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.testing import speech
from ds2kit.text.char import Char
from ds2kit.types import Chunk, Padded


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 400])
def test_lengths_are_those_of_the_output(tiny_experiment: Path, samples: int) -> None:
    model, _ = model_folder.load(tiny_experiment / "model", Toolkit.installed())
    lengths = torch.tensor([samples])
    with torch.no_grad():
        output = model(Padded(torch.zeros(1, samples), lengths))

    assert output.lengths.tolist() == model.output_lengths(lengths).tolist()
    assert torch.allclose(output.values.exp().sum(dim=-1), torch.ones(output.values.shape[:2]))


def test_english_and_mandarin_differ_in_the_output_layer_only(tiny_yaml: Path) -> None:
    """The paper's claim, of one yaml: a language is its tokenizer, the rest of the network is not
    told of it.
    """
    toolkit = Toolkit.installed()
    config = configs.load(tiny_yaml, toolkit)
    english = Char.learn(["the cats sat", "on a mat"])
    mandarin = Char.learn(["今天天气很好", "我们走吧"])
    assert not set(english.tokens[1:]) & set(mandarin.tokens[1:])
    built = {}
    for tokenizer in (english, mandarin):
        torch.manual_seed(config.seed)
        built[tokenizer] = models.build(config, tokenizer, toolkit).state_dict()
    one, other = built[english], built[mandarin]

    assert list(one) == list(other)
    assert {name for name in one if one[name].shape != other[name].shape} == {
        "output.weight",
        "output.bias",
    }
    assert (len(one["output.bias"]), len(other["output.bias"])) == (english.size, mandarin.size)
    for name in one:
        if not name.startswith("output."):
            # The layers below are drawn first: the very same weights.
            assert torch.equal(one[name], other[name]), name


def forward_only(frontend: LogSpectrogram, strides: list[int]) -> AcousticModel:
    encoder = DeepSpeech2(
        frontend.output_size,
        convolutions="2x1d",
        channels=[5, 4],
        time_strides=strides,
        width=6,
        layers=2,
        bidirectional=False,
        lookahead=2,
    )
    return AcousticModel(frontend, encoder, Char(" abc")).double().eval()


@pytest.mark.parametrize("strides", [[1, 1], [2, 1], [2, 2]])
@pytest.mark.parametrize("window_ms", [20, 25, 10, 4])
def test_streams_that_begin_at_different_times_share_steps(
    strides: list[int], window_ms: int
) -> None:
    torch.manual_seed(0)
    model = forward_only(LogSpectrogram(1000, window_ms=window_ms), strides)
    step = model.samples_per_step
    assert step == 10 * strides[0] * strides[1]
    begins = [0, 3, 4, 0]
    sounds = [torch.from_numpy(speech(n, 1000, seed=n)).double() for n in (350, 233, 3, 0)]
    timeline = Chunk.void(model, 4, 40 * step)
    for stream, (begin, sound) in enumerate(zip(begins, sounds, strict=True)):
        start = begin * step + model.lead
        timeline.values[stream, start : start + len(sound)] = sound
        timeline.valid[stream, start : start + len(sound)] = True

    state, parts = model.initial_state(4), []
    with torch.no_grad():
        for number in range(20):
            chunk, timeline = timeline.cut((1 + number % 3) * step)
            out, state = model.step(chunk, state)
            parts.append(out)
        out, state = model.step(timeline, state)
        parts += [out, model.finish(state, 4)]

    for stream, (begin, sound) in enumerate(zip(begins, sounds, strict=True)):
        valid = torch.cat([part.valid[stream] for part in parts])
        values = torch.cat([part.values[stream] for part in parts])
        with torch.no_grad():
            whole = model(Padded(sound[None], torch.tensor([len(sound)])))
        torch.testing.assert_close(
            values[valid], whole.values[0, : int(whole.lengths)], rtol=0, atol=1e-9
        )
        assert not values[~valid].any()
        if valid.any():
            assert int(valid.nonzero()[0]) * step == begin * step + model.lead + model.delay


class Plain(Frontend):
    """A frame for each sample, and no way to stream."""

    sample_rate, output_size, frame_seconds = 1000, 1, 0.001

    def forward(self, waveforms: Padded) -> Padded:
        return Padded(waveforms.values[..., None], waveforms.lengths)

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        return lengths


class Echo(Encoder):
    """What it hears, and no way to stream."""

    input_size = output_size = 1

    def forward(self, frames: Padded) -> Padded:
        return frames


def test_what_cannot_stream_is_named() -> None:
    streaming = LogSpectrogram(1000)
    encoder = DeepSpeech2(1, convolutions="1x1d", channels=[2], width=2, layers=1)
    for frontend, under, told in (
        (Plain(), encoder, "the frontend Plain cannot work through speech as it arrives"),
        (streaming, Echo(), "the encoder Echo cannot work through speech as it arrives"),
        (streaming, encoder.eval(), "cannot stream; train one with bidirectional: false"),
    ):
        model = AcousticModel(frontend, under, Char("a"))
        with pytest.raises(UserError, match=told):
            model.initial_state(1)
    with pytest.raises(UserError, match="the encoder Echo"):
        _ = AcousticModel(streaming, Echo(), Char("a")).delay
