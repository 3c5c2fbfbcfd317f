"""Streams: what is certain comes on the way, and memory is bounded."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from ds2kit_flashlight import asked
from ds2kit_flashlight import stream as streams
from ds2kit_flashlight.decoder import Flashlight
from ds2kit_flashlight.kenlm import KenLM
from torch import Tensor

from ds2kit.decoding import fusion
from ds2kit.text.char import Char
from ds2kit.types import Padded

LETTERS = Char(list(" abc"))
WORDS = ("ab", "ba", "abc", "c")


@pytest.fixture(params=["words", "asked words", "letters", "asked letters", "any word", "pieces"])
def decoder(request: pytest.FixtureRequest, literal: Any, tmp_path: Path) -> Flashlight:
    """One for each way of searching."""
    toy = literal.Toy("word", WORDS)
    narrow: dict[str, Any] = {"beam": 12, "beam_threshold": 8.0}
    if request.param == "pieces":
        tokenizer = literal.Pieces([" ab", " b", " a", "a", "b", "c", " c"])
        return Flashlight(tokenizer, language_model=toy, **narrow)
    options: dict[str, dict[str, Any]] = {
        "words": {"language_model": KenLM(toy.arpa(tmp_path / "toy.arpa"))},
        "asked words": {"language_model": toy},
        "letters": {},
        "asked letters": {"word_score": 0.3},
        "any word": {"language_model": toy, "unknown_score": -1.0},
    }
    return Flashlight(LETTERS, **options[request.param], **narrow)


def speech(decoder: Flashlight, literal: Any, sentences: int) -> Tensor:
    """Words that are heard well, and noise between them; pauses are sure."""
    tokenizer, pieces = decoder.tokenizer, []
    for number in range(sentences):
        noise = literal.random_log_probs(40, tokenizer.size, number, peak=1.5).exp()
        labels = [label for t in tokenizer.encode("ab c ba abc") for label in (t, t, 0)]
        said = torch.eye(tokenizer.size)[[0, *labels, *[0] * (37 - len(labels)), 0, 0]]
        pieces.append(0.98 * said + 0.02 * noise)
    return torch.cat(pieces).log()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_long_stream_is_the_whole(decoder: Flashlight, literal: Any, size: int) -> None:
    log_probs = speech(decoder, literal, 10)
    whole = decoder.decode(Padded(log_probs[None], torch.tensor([len(log_probs)])))[0][0]
    stream, given = decoder.begin(), []

    for piece in log_probs.split(size):
        given += decoder.advance(stream, piece)
    end = decoder.finish(stream)

    assert len(given) > 15
    assert end.words[: len(given)] == tuple(given)
    assert (end.text, end.tokens) == (whole.text, whole.tokens)
    assert [(w.text, w.start_frame, w.end_frame) for w in end.words] == [
        (w.text, w.start_frame, w.end_frame) for w in whole.words
    ]
    assert end.score == pytest.approx(whole.score, abs=1e-4)
    assert end.acoustic_score == pytest.approx(whole.acoustic_score, abs=1e-4)
    assert end.language_score == pytest.approx(whole.language_score, abs=1e-4)


def test_what_is_certain_is_forgotten(
    decoder: Flashlight, literal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the search, and by the language model that was asked; words come soon."""
    monkeypatch.setattr(asked, "KEPT_BYTES", 100_000)
    monkeypatch.setattr(fusion, "KEPT_LETTERS", 32)
    places, states, texts, given = [], [], [], []
    stream = decoder.begin()
    for piece in speech(decoder, literal, 80).split(40):
        decoder.advance(stream, piece)
        scores = stream._search.scores
        known = {**getattr(scores, "_older", {}), **getattr(scores, "_recent", {})}
        places.append(max(len(next(stream._search.paths()).tokens), *map(len, stream._open)))
        states.append(len(known))
        texts.append(max((len(one.prefix.written) for one in known.values()), default=0))
        given.append((stream.frames, len(stream.words)))

    assert max(places) < 200
    assert max(states) <= 200
    assert max(texts) < 300
    words = decoder.finish(stream).words
    assert len(words) > 200
    for frames, count in given:
        assert count >= sum(word.end_frame < frames - 160 for word in words)


def test_partial_results(decoder: Flashlight, literal: Any) -> None:
    log_probs = speech(decoder, literal, 2)
    stream, seen, given = decoder.begin(), [], []
    assert decoder.partial(stream).text == ""

    for piece in log_probs.split(5):
        given += decoder.advance(stream, piece)
        partial = decoder.partial(stream)
        assert partial.words[: len(given)] == tuple(given)
        assert partial.text == decoder.tokenizer.decode(partial.tokens)
        seen.append(partial.text)

    assert len({*seen}) > 5
    assert decoder.finish(stream).text.startswith(seen[-1][:20])


def test_what_stays_undecided_is_decided(
    decoder: Flashlight, literal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In silence nothing tells hypotheses apart; after a while the best one decides, the same in
    pieces and as a whole.
    """
    monkeypatch.setattr(streams, "UNDECIDED_FRAMES", 160)
    unsure = literal.random_log_probs(20, decoder.tokenizer.size, 3, peak=0.3)
    silence = torch.full((400, decoder.tokenizer.size), 1e-9)
    silence[:, 0] = 1 - silence[:, 1:].sum(dim=1)
    said = speech(decoder, literal, 3)
    log_probs = torch.cat([unsure, silence.log(), said, unsure, silence.log()])
    whole = decoder.decode(Padded(log_probs[None], torch.tensor([len(log_probs)])))[0][0]
    stream, given, places = decoder.begin(), [], []

    for piece in log_probs.split(9):
        given += decoder.advance(stream, piece)
        places.append(len(next(stream._search.paths()).tokens))
    end = decoder.finish(stream)

    assert max(places) <= 160 + 100 + 16 + 2
    assert end.words[: len(given)] == tuple(given)
    assert (end.text, end.score) == (whole.text, pytest.approx(whole.score))
    assert " c ba abc" in f" {end.text}"
    frames = [(word.start_frame, word.end_frame) for word in end.words]
    assert all(a[1] <= b[0] for a, b in pairwise(frames))
