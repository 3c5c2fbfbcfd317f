"""Speech as it arrives against the same speech whole."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ds2kit.components import Decoder, StreamingDecoder
from ds2kit.decoding.beam import Beam
from ds2kit.decoding.greedy import Greedy
from ds2kit.decoding.transcriber import Transcriber
from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.errors import UserError
from ds2kit.frontends.log_spectrogram import LogSpectrogram
from ds2kit.model import AcousticModel
from ds2kit.testing import speech
from ds2kit.text.char import Char
from ds2kit.types import Hypothesis, Padded

RATE = 2000


def babbler(symbols: str = " abc", **options: Any) -> Transcriber:
    """A model that learned nothing and hears something else in every other frame."""
    torch.manual_seed(3)
    frontend = LogSpectrogram(RATE)
    sound = Padded(torch.from_numpy(sound_of(9 * RATE))[None], torch.tensor([9 * RATE]))
    frontend.learn([sound])
    sizes = {"convolutions": "1x1d", "channels": [8], "width": 8, "layers": 1, "lookahead": 3}
    encoder = DeepSpeech2(frontend.output_size, **sizes, bidirectional=False, **options)
    tokenizer = Char(symbols)
    model = AcousticModel(frontend, encoder, tokenizer).eval()
    with torch.no_grad():
        model.output.weight.normal_(std=20.0)
        model.output.bias -= model(sound).values[0].mean(dim=0)  # each token as often
    return Transcriber(model, Greedy(tokenizer))


def sound_of(samples: int, seed: int = 0) -> np.ndarray:
    return speech(samples, RATE, seed=seed)


@pytest.fixture(scope="module")
def recognizer() -> Transcriber:
    return babbler()


@pytest.fixture(scope="module")
def unspaced() -> Transcriber:
    return babbler("今天气")


def test_babblers_say_words(recognizer: Transcriber, unspaced: Transcriber) -> None:
    for made in (recognizer, unspaced):
        assert len(made.transcribe(sound_of(5 * RATE)).words) > 5


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    samples=st.integers(0, 3 * RATE),
    cuts=st.lists(st.integers(0, 3 * RATE), max_size=8),
    rate=st.sampled_from([RATE, 1500, 8000]),
    spaced=st.booleans(),
)
def test_any_pieces_give_the_words_of_the_whole(
    recognizer: Transcriber,
    unspaced: Transcriber,
    samples: int,
    cuts: list[int],
    rate: int,
    spaced: bool,
) -> None:
    made = recognizer if spaced else unspaced
    sound = sound_of(samples, seed=samples)
    stream = made.stream(rate)

    words = [word for piece in np.split(sound, sorted(cuts)) for word in stream.feed(piece)]
    found = stream.finish()

    expected = made.transcribe(sound, sample_rate=rate)
    assert found.text == expected.text
    assert found.seconds == expected.seconds
    assert found.score == pytest.approx(expected.score, rel=1e-4, abs=1e-3)
    times = [(word.text, word.start, word.end) for word in found.words]
    assert times == [(word.text, word.start, word.end) for word in expected.words]
    assert tuple(words) == found.words[: len(words)]
    # The last word is known at the end only; the model's delay, a chunk that is not full and the
    # resampler, which is slow at so low a rate, hold back what was just said.
    late = made.model.delay / RATE + 0.6
    assert all(word.end > found.seconds - late for word in found.words[len(words) + 1 :])


@pytest.mark.parametrize("decoder", [Greedy, Beam])
@pytest.mark.parametrize("symbols", [" abc", "今天气", " 今ab"])
def test_the_text_so_far_and_how_much_of_it_is_final(decoder: Any, symbols: str) -> None:
    made = babbler(symbols)
    made = Transcriber(made.model, decoder(made.model.tokenizer))
    sound = sound_of(3 * RATE)
    stream, given, finals = made.stream(), 0, [""]

    for piece in np.split(sound, 60):
        given += len(stream.feed(piece))
        partial = stream.partial()
        assert stream.final == partial.final
        assert partial.text.startswith(partial.final)
        assert partial.final.startswith(finals[-1])
        rest = "".join(word.text for word in partial.words)
        assert rest == partial.text[len(partial.final) :].replace(" ", "")
        assert all(word.start < stream.seconds for word in partial.words)
        assert str(partial) == partial.text
        finals.append(partial.final)
    whole = stream.finish()

    assert whole.text.startswith(finals[-1])
    assert len(finals[-1].replace(" ", "")) == sum(len(w.text) for w in whole.words[:given])
    assert len(set(finals)) > 5
    with pytest.raises(UserError, match="was finished already"):
        stream.partial()


class Silent(Greedy):
    """A decoder that gives words when they are final, and no sooner."""

    partial = StreamingDecoder.partial


def test_a_decoder_without_partial_texts_says_so(recognizer: Transcriber) -> None:
    stream = Transcriber(recognizer.model, Silent(recognizer.model.tokenizer)).stream()
    words = stream.feed(sound_of(3 * RATE))

    with pytest.raises(UserError, match="the decoder Silent gives no text before it is final"):
        stream.partial()

    assert stream.final == " ".join(word.text for word in words) != ""


def test_single_samples(recognizer: Transcriber) -> None:
    sound = sound_of(RATE)
    stream = recognizer.stream()

    words = [word for sample in sound for word in stream.feed(sample[None])]
    found = stream.finish()

    assert found.text == recognizer.transcribe(sound).text
    assert tuple(words) == found.words[: len(words)]
    assert words


def test_streams_side_by_side_do_not_hear_each_other(recognizer: Transcriber) -> None:
    sounds = [sound_of(2 * RATE, seed=seed) for seed in range(3)]
    streams = [recognizer.stream() for _ in sounds]

    for piece in range(20):
        for stream, sound in zip(streams, sounds, strict=True):
            stream.feed(np.split(sound, 20)[piece])

    found = [stream.finish().text for stream in streams]
    assert found == [recognizer.transcribe(sound).text for sound in sounds]
    assert len(set(found)) == 3


def test_says_how_much_it_heard(recognizer: Transcriber) -> None:
    stream = recognizer.stream(8000)

    stream.feed(np.zeros(6000))
    assert stream.seconds == 0.75
    stream.feed(np.zeros(0))
    stream.feed(np.zeros(1, np.float64))
    assert stream.seconds == 6001 / 8000


def test_the_callers_array_is_its_own(recognizer: Transcriber) -> None:
    """A microphone's buffer, filled anew for each piece; or one that nobody may write to."""
    sound, buffer = sound_of(2 * RATE), np.zeros(70, np.float32)
    stream = recognizer.stream()

    for start in range(0, len(sound), 70):
        piece = sound[start : start + 70]
        buffer[: len(piece)] = piece
        view = buffer[: len(piece)]
        view.flags.writeable = False
        stream.feed(view)

    assert stream.finish().text == recognizer.transcribe(sound).text


def test_what_is_kept_of_sound_does_not_grow(recognizer: Transcriber) -> None:
    stream, sound = recognizer.stream(), sound_of(600)

    def numbers() -> int:
        """In all tensors that there are: the model's, and what the stream keeps."""
        return sum(item.numel() for item in gc.get_objects() if type(item) is torch.Tensor)

    sizes = []
    for pieces in (10, 50):
        for _ in range(pieces):
            stream.feed(sound)
        sizes.append(numbers())

    assert sizes[0] == sizes[1]
    stream.feed(sound[:100])
    assert numbers() > sizes[-1]  # what is less than a chunk waits: the probe sees it


def test_a_finished_stream_takes_no_more(recognizer: Transcriber) -> None:
    stream = recognizer.stream()
    assert stream.finish().text == ""

    for call in (lambda: stream.feed(np.zeros(9)), stream.finish):
        with pytest.raises(UserError, match=r"was finished already; begin another with stream\(\)"):
            call()


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        (np.zeros(80, np.int16), "int16 [80]; expected floating point [samples]"),
        (np.zeros((2, 80), np.float32), "float32 [2, 80]"),
        (np.array([0, np.nan]), "NaN or infinity"),
    ],
)
def test_what_is_no_waveform_is_refused(
    recognizer: Transcriber, samples: np.ndarray, told: str
) -> None:
    stream = recognizer.stream()
    stream.feed(sound_of(500))

    with pytest.raises(UserError) as refused:
        stream.feed(samples)

    assert told in str(refused.value)
    stream.feed(sound_of(1500)[500:])
    assert stream.seconds == 0.75  # what was refused was not heard


@pytest.mark.parametrize("rate", [0, 999, 10**9])
def test_an_impossible_rate_is_refused(recognizer: Transcriber, rate: int) -> None:
    with pytest.raises(UserError, match=f"sample_rate is {rate}; expected 1000 to 768000"):
        recognizer.stream(rate)


class Whole(Decoder):
    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        return [[Hypothesis("", (), 0.0)] for _ in log_probs.lengths]


def test_what_cannot_stream_says_why(recognizer: Transcriber) -> None:
    frontend = LogSpectrogram(RATE)
    both_ways = DeepSpeech2(
        frontend.output_size, convolutions="1x1d", channels=[4], width=4, layers=1
    )
    model = AcousticModel(frontend, both_ways, Char("ab"))

    with pytest.raises(UserError, match=r"bidirectional.*cannot stream"):
        Transcriber(model, Greedy(model.tokenizer)).stream()
    with pytest.raises(UserError, match=r"the decoder Whole cannot .* such as greedy"):
        Transcriber(recognizer.model, Whole()).stream()
