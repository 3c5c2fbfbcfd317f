"""The numbers of a tokenizer, by hand on small transcripts and by the model's own arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.data.checks import needed_frames
from ds2kit.data.index import Index
from ds2kit.data.tokens import STRIDES, Transcripts, entropy, measure
from ds2kit.encoders.deepspeech2 import DeepSpeech2
from ds2kit.frontends.log_spectrogram import LogSpectrogram
from ds2kit.text.char import Char


def said(texts: Sequence[str], frames: Sequence[int], seconds: float = 2.0) -> Transcripts:
    return Transcripts(tuple(texts), seconds, np.array(frames, np.int64))


DEV = said(["a bad  cab", "b"], [100, 100])


def test_by_hand() -> None:
    # 10 tokens in 4 s: a 4, b 2, space 2, c 2; 4 words.
    train = said(["ab a", "cac b"], [100, 100], seconds=4.0)
    train = said([*train.texts, "a"], [100, 100, 100], seconds=4.0)
    tokenizer = Char.learn(train.texts)

    found = measure(tokenizer, train, DEV, spaced=True)

    assert found.vocabulary == 5
    assert found.tokens_per_second == 10 / 4
    # -0.4 log2 0.4 - 3 * 0.2 log2 0.2
    assert found.bits_per_token == pytest.approx(1.9219280948873623)
    assert found.bits_per_second == pytest.approx(2.5 * 1.9219280948873623)
    assert found.tokens_per_word == 10 / 5
    # Of abadcabb, 8 symbols, d is new; of a, bad, cab, b: bad and cab.
    assert found.foreign == 1 / 8
    assert found.new_words == 2 / 4


def test_alignment_counts_repeats_and_rounds_frames_up() -> None:
    # abc needs 3 frames, aab needs 4, an empty one none.
    train = said(["abc", "aab", "abc", ""], [9, 8, 5, 0])

    found = measure(Char("abc"), train, DEV, spaced=True)

    # Stride 2: 5, 4, 3, 0 frames. Stride 3: 3, 3, 2. Stride 4: 3, 2, 2.
    assert found.unalignable == {2: 0.0, 3: 0.5, 4: 0.5}


def test_without_words_there_are_no_figures_of_words() -> None:
    train, dev = said(["今天", "天气"], [9, 9]), said(["今天好"], [9])

    found = measure(Char.learn(train.texts), train, dev, spaced=False)

    assert (found.tokens_per_word, found.new_words) == (None, None)
    assert found.foreign == pytest.approx(1 / 3)


def test_empty_transcripts_of_dev_are_nothing_new() -> None:
    found = measure(Char("a"), said(["a"], [9]), said(["", " "], [9, 9]), spaced=True)
    assert (found.foreign, found.new_words) == (0.0, 0.0)


def test_what_training_has_and_the_tokenizer_has_not_is_left_out() -> None:
    found = measure(Char("ab"), said(["ab", "xa"], [9, 9]), DEV, spaced=True)
    assert found.tokens_per_second == 1
    assert found.unalignable[2] == 0


@given(st.lists(st.integers(0, 100), min_size=1).filter(any))
def test_entropy_is_numpys(counts: list[int]) -> None:
    shares = np.array([count for count in counts if count]) / sum(counts)
    assert entropy(counts) == pytest.approx(float(-(shares * np.log2(shares)).sum()), abs=1e-12)
    assert entropy(counts) <= math.log2(len(counts)) + 1e-12


@pytest.mark.parametrize(("stride", "strides"), [(2, [2, 1]), (3, [3, 1]), (4, [2, 2])])
def test_frames_are_those_of_the_encoder(stride: int, strides: list[int]) -> None:
    frontend = LogSpectrogram(1000)
    encoder = DeepSpeech2(
        frontend.output_size,
        convolutions="2x1d",
        channels=[5, 4],
        time_strides=strides,
        width=6,
        layers=1,
    )
    samples = torch.arange(0, 400, 7)
    frames = frontend.output_lengths(samples)
    encoded = encoder.output_lengths(frames).tolist()
    texts = ["ab" * (count % 9) for count in encoded]
    needed = [needed_frames(Char("ab").encode(text)) for text in texts]
    train = said([*texts, "ab"], [*frames.tolist(), 1000])

    found = measure(Char("ab"), train, DEV, spaced=True)

    short = sum(count < need for count, need in zip(encoded, needed, strict=True))
    assert stride in STRIDES
    assert short > 0
    assert found.unalignable[stride] == short / len(train.texts)


def test_transcripts_are_of_all_splits(tiny_data: Path) -> None:
    indexes = [Index.load(tiny_data / split) for split in ("train", "test")]

    found = Transcripts.of(indexes, LogSpectrogram(8000))

    assert found.texts == (*indexes[0].texts, *indexes[1].texts)
    assert found.seconds == pytest.approx(sum(index.seconds.sum() for index in indexes))
    assert found.frames.tolist() == [
        max(0, (samples - 160) // 80 + 1) for index in indexes for samples in index.samples
    ]
