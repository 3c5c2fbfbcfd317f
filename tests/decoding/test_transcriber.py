"""A model as one object: files and arrays to text."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ds2kit
from ds2kit.audio.read import read
from ds2kit.audio.write import wav
from ds2kit.data.index import Index
from ds2kit.data.reading import read_payloads
from ds2kit.decoding import transcriber
from ds2kit.decoding.transcriber import Transcriber
from ds2kit.errors import UserError
from ds2kit.registry import Toolkit
from ds2kit.types import Padded

Tone = Callable[..., Path]


@pytest.fixture(scope="module")
def recognizer(tiny_experiment: Path) -> Transcriber:
    return transcriber.load(tiny_experiment / "model", Toolkit.installed())


def test_hears_what_is_said(recognizer: Transcriber, tone: Tone) -> None:
    transcript = recognizer.transcribe(tone("c a d"))

    assert str(transcript) == transcript.text == "c a d"
    assert transcript.seconds == pytest.approx(0.75)
    assert [word.text for word in transcript.words] == ["c", "a", "d"]
    for i, word in enumerate(transcript.words):
        assert 0.25 * i - 0.1 < word.start < word.end < 0.25 * i + 0.35
        assert 0.5 < word.confidence <= 1


def test_ds2kit_load_is_the_whole_program(tiny_experiment: Path, tone: Tone) -> None:
    file = tone("b b c")

    assert str(ds2kit.load(str(tiny_experiment / "model")).transcribe(str(file))) == "b b c"


def test_a_file_and_its_samples_are_the_same(recognizer: Transcriber, tone: Tone) -> None:
    file = tone("a b c d")
    samples = read(file, 8000)

    expected = recognizer.transcribe(file)

    assert recognizer.transcribe(samples) == expected
    assert recognizer.transcribe(samples.astype(np.float64)) == expected
    assert recognizer.transcribe(np.repeat(samples, 2)[::2]) == expected  # not contiguous


@pytest.mark.parametrize("rate", [11025, 16000, 48000])
def test_another_rate_is_resampled(recognizer: Transcriber, tone: Tone, rate: int) -> None:
    file = tone("d c b a", rate=rate)

    transcript = recognizer.transcribe(read(file, rate), sample_rate=rate)

    assert transcript.text == "d c b a"
    assert transcript == recognizer.transcribe(file)


def test_input_and_model_stay_as_they_were(recognizer: Transcriber, tone: Tone) -> None:
    samples = read(tone("a"), 8000)
    samples.flags.writeable = False
    before = {name: value.clone() for name, value in recognizer.model.state_dict().items()}

    recognizer.transcribe(samples)

    assert not recognizer.model.training
    for name, value in recognizer.model.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("samples", [0, 1, 10, 159, 160, 161])
def test_short_sound_is_no_error(recognizer: Transcriber, samples: int) -> None:
    transcript = recognizer.transcribe(np.zeros(samples, np.float32))

    assert transcript.seconds == samples / 8000
    assert transcript.score <= 0
    assert all(word.end <= transcript.seconds for word in transcript.words)


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros(8000, np.int16), "int16 [8000]; expected floating point [samples]"),
        (np.zeros((2, 80), np.float32), "float32 [2, 80]; expected floating point [samples]"),
        (np.zeros((), np.float32), "float32 []; expected"),
        (np.array([0, np.nan, 0]), "NaN or infinity; expected samples in [-1, 1]"),
        (np.array([0, np.inf]), "NaN or infinity"),
        (np.zeros(8 * 8000), "8.0 s long; expected at most 7 s"),
    ],
)
def test_what_is_no_waveform_is_refused(
    recognizer: Transcriber, array: np.ndarray[Any, Any], told: str
) -> None:
    with pytest.raises(UserError) as refused:
        recognizer.transcribe(array, max_seconds=7)

    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("rate", [0, -8000, 10**9])
def test_an_impossible_rate_is_refused(recognizer: Transcriber, rate: int) -> None:
    with pytest.raises(UserError, match=f"sample_rate is {rate}; expected 1000 to 768000"):
        recognizer.transcribe(np.zeros(8000), sample_rate=rate)


def test_the_rate_of_a_file_is_its_own(recognizer: Transcriber, tone: Tone) -> None:
    with pytest.raises(UserError, match="leave sample_rate out"):
        recognizer.transcribe(tone(), sample_rate=8000)


@pytest.mark.parametrize("known", [True, False])
def test_a_long_file_is_refused_before_it_is_decoded(
    recognizer: Transcriber, tmp_path: Path, known: bool
) -> None:
    data = bytearray(wav(np.zeros(10 * 60 * 8000), 8000))
    if not known:  # written into a pipe: its length does not stand in front
        data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "long.wav").write_bytes(data)

    tracemalloc.start()
    with pytest.raises(UserError, match=r"long\.wav is longer than 5 s"):
        recognizer.transcribe(tmp_path / "long.wav", max_seconds=5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4e6  # all of it would be 19 MB


@pytest.mark.parametrize("source", ["not_there.wav", "."])
def test_what_is_no_file_is_refused(recognizer: Transcriber, tmp_path: Path, source: str) -> None:
    with pytest.raises(UserError) as refused:
        recognizer.transcribe(tmp_path / source)

    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_batch_gives_what_each_gives_alone(recognizer: Transcriber, tiny_data: Path) -> None:
    index = Index.load(tiny_data / "test")
    payloads = read_payloads([(index.folder, index.row(i)) for i in range(4)], most_reads=1)
    shortest = min(len(read(data, 8000)) for data in payloads)
    waveforms = torch.stack([torch.from_numpy(read(d, 8000)[:shortest]) for d in payloads])

    together = recognizer.decode(waveforms)

    assert [best.text for best in together] == [
        recognizer.transcribe(row.numpy()).text for row in waveforms
    ]
    assert "".join(best.text for best in together)


def test_the_decoder_is_the_one_that_the_folder_names(experiment: Path) -> None:
    from ds2kit.decoding.greedy import Greedy

    loaded = transcriber.load(experiment / "model", Toolkit.installed())
    log_probs = loaded.model(Padded(torch.zeros(1, 800), torch.tensor([800])))

    assert isinstance(loaded.decoder, Greedy)
    assert loaded.decoder.tokenizer is loaded.model.tokenizer
    assert log_probs.values.shape[-1] == loaded.decoder.tokenizer.size
