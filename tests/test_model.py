"""A model folder stands alone, loads exactly, and says what is wrong with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from ds2kit import config as configs
from ds2kit import model as models
from ds2kit.components import Encoder, Frontend
from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.errors import UserError
from ds2kit.frontends.log_spectrogram import LogSpectrogram
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.testing import speech
from ds2kit.text.char import Char
from ds2kit.types import Chunk, Padded


@pytest.fixture
def folder(tiny_experiment: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_experiment / "model", tmp_path / "model"))


def test_saved_and_loaded_it_is_the_same(folder: Path, tmp_path: Path) -> None:
    model, config = models.load(folder, Toolkit.installed())
    models.save(tmp_path / "again", model, config, "# Card\n")
    again, _ = models.load(tmp_path / "again", Toolkit.installed())

    assert all(torch.equal(again.state_dict()[n], w) for n, w in model.state_dict().items())
    names = {path.name for path in (tmp_path / "again").iterdir()}
    assert names == {"config.yaml", "tokenizer.json", "weights.safetensors", "card.md"}


def test_half_halves_parameters_and_keeps_statistics(folder: Path, tmp_path: Path) -> None:
    model, config = models.load(folder, Toolkit.installed())
    models.save(tmp_path / "half", model, config, "# Card\n", half=True)
    half, _ = models.load(tmp_path / "half", Toolkit.installed())

    for name, weight in model.named_parameters():
        assert torch.equal(half.get_parameter(name), weight.bfloat16().float()), name
    for name, buffer in model.named_buffers():
        assert torch.equal(half.get_buffer(name), buffer), name


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 400])
def test_lengths_are_those_of_the_output(folder: Path, samples: int) -> None:
    model, _ = models.load(folder, Toolkit.installed())
    lengths = torch.tensor([samples])
    with torch.no_grad():
        output = model(Padded(torch.zeros(1, samples), lengths))

    assert output.lengths.tolist() == model.output_lengths(lengths).tolist()
    assert torch.allclose(output.values.exp().sum(dim=-1), torch.ones(output.values.shape[:2]))


def test_what_is_damaged_or_missing_is_told(folder: Path) -> None:
    weights = folder / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"weights\.safetensors cannot be read"):
        models.load(folder, Toolkit.installed())
    weights.write_bytes(whole)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"tokenizer\.json is not there"):
        models.load(folder, Toolkit.installed())
    with pytest.raises(UserError, match="is no model folder"):
        models.load(folder / "nowhere", Toolkit.installed())


def test_another_models_weights_do_not_fit(folder: Path) -> None:
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(config.replace("width: 24", "width: 20"))
    with pytest.raises(UserError, match="of another tokenizer or of other settings"):
        models.load(folder, Toolkit.installed())


def test_a_plugin_that_is_gone_is_named_with_its_maker(folder: Path) -> None:
    config = (folder / "config.yaml").read_text()
    config = config.replace("name: deepspeech2", "name: conformer")
    config = config.replace("encoder/deepspeech2: ds2kit", "encoder/conformer: ds2kit-conformer")
    (folder / "config.yaml").write_text(config)
    with pytest.raises(UserError, match=r"conformer.*made with ds2kit-conformer"):
        models.load(folder, Toolkit.installed())


def test_a_tokenizer_of_another_kind_is_refused(folder: Path) -> None:
    tree = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(tree | {"name": "bigram"}))
    with pytest.raises(UserError, match="is of tokenizer 'bigram', the config of 'char'"):
        models.load(folder, Toolkit.installed())


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
