"""The quickstart's corpus: who says what, and that everybody gets the same samples."""

from __future__ import annotations

import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from ds2kit.audio.read import read
from ds2kit.data.recipe import loaded
from ds2kit.errors import UserError

RECIPE = Path(__file__).parents[2] / "recipes" / "quickstart"
LANGUAGES = ("english", "mandarin")
COUNTS = {"train": 60, "dev": 8, "test": 12}


@pytest.fixture(scope="module")
def recipe() -> Iterator[Any]:
    """prepare.py's `splits`, and the modules beside it."""
    with loaded(RECIPE / "prepare.py") as found:
        names = ("sentences", "synthesis", "english", "mandarin")
        yield SimpleNamespace(splits=found.function, **{name: sys.modules[name] for name in names})


@pytest.fixture(scope="module")
def grammars(recipe: Any) -> dict[str, Any]:
    return {
        language: recipe.sentences.Grammar(getattr(recipe, language).GRAMMAR, 1)
        for language in LANGUAGES
    }


@pytest.fixture
def voice() -> Any:
    pytest.importorskip("espeakng_loader", reason="the quickstart's own requirement")


def test_the_yamls_differ_in_corpus_and_tokenizer_alone() -> None:
    english, mandarin = (OmegaConf.load(RECIPE / f"{name}.yaml") for name in LANGUAGES)
    for yaml in (english, mandarin):
        del yaml.corpus, yaml.tokenizer
    assert english == mandarin


def test_the_streaming_yaml_differs_in_the_encoder_alone() -> None:
    english, streaming = (
        OmegaConf.load(RECIPE / f"{name}.yaml") for name in ("english", "streaming")
    )
    assert not streaming.encoder.bidirectional
    for yaml in (english, streaming):
        del yaml.encoder
    assert english == streaming


@pytest.mark.parametrize(("language", "fewest"), [("english", 300), ("mandarin", 250)])
def test_the_inventory(grammars: dict[str, Any], language: str, fewest: int) -> None:
    words = {word.written for word in grammars[language].words}
    units = words if language == "english" else set(chain.from_iterable(words))
    assert fewest <= len(units) < 500
    assert all(
        re.fullmatch("[a-z]+" if language == "english" else "[\u4e00-\u9fff]+", w) for w in words
    )


def test_a_mandarin_syllable_is_one_character(grammars: dict[str, Any]) -> None:
    characters = defaultdict(set)
    for word in grammars["mandarin"].words:
        syllables = re.findall(r"[a-z]+[1-5]", word.said)
        assert "".join(syllables) == word.said
        for syllable, character in zip(syllables, word.written, strict=True):
            characters[syllable].add(character)
    assert {syllable: one for syllable, one in characters.items() if len(one) > 1} == {}


@pytest.mark.usefixtures("voice")
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_words_sound_alike(grammars: dict[str, Any], language: str) -> None:
    voice = {"english": "en-us", "mandarin": "cmn-latn-pinyin"}[language]
    written = defaultdict(set)
    for word in grammars[language].words:
        written[_phonemes(word.said, voice)].add(word.written)
    assert {sound: words for sound, words in written.items() if len(words) > 1} == {}


@pytest.mark.usefixtures("voice")
def test_pinyin_is_read_as_the_characters_are(grammars: dict[str, Any]) -> None:
    """A typing error in the pinyin would be heard by nobody; espeak reads characters as well."""
    differ = {
        word.written
        for word in grammars["mandarin"].words
        if _consonants(_phonemes(word.said, "cmn-latn-pinyin"))
        != _consonants(_phonemes(word.written, "cmn"))
    }
    # espeak reads these characters otherwise: as bian-, and as shui with another vowel.
    assert differ <= {"便宜", "谁"}, differ


@pytest.mark.usefixtures("voice")
@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_and_voices_are_in_one_split(recipe: Any, language: str) -> None:
    splits = {
        name: list(utterances)
        for name, utterances in recipe.splits(language=language, **COUNTS).items()
    }
    assert {name: len(utterances) for name, utterances in splits.items()} == COUNTS
    for of in (lambda u: u.text, lambda u: u.speaker):
        sets = {name: {of(u) for u in utterances} for name, utterances in splits.items()}
        for one, other in (("train", "dev"), ("train", "test"), ("dev", "test")):
            assert sets[one].isdisjoint(sets[other])
    assert len({u.speaker for u in splits["test"]}) >= 10, "intervals are over speakers from ten up"
    for utterance in chain.from_iterable(splits.values()):
        sound = read(utterance.audio, 16_000)
        assert 0.4 < len(sound) / 16_000 < 10
        assert 0.01 < np.sqrt(np.mean(sound**2)) < 0.5
        assert np.mean(np.abs(sound) > 0.999) < 1e-3, "clipped"


@pytest.mark.parametrize("language", LANGUAGES)
def test_training_has_every_word_of_dev_and_test(grammars: dict[str, Any], language: str) -> None:
    sentences = [grammars[language].sentence() for _ in range(1_930)]
    heard = {word for sentence in sentences[330:] for word in sentence}
    assert heard == grammars[language].words


def test_more_training_speech_leaves_test_as_it_is(recipe: Any) -> None:
    few, many = (
        [u.text for u in recipe.splits(train=train, dev=3, test=5)["test"]] for train in (1, 50)
    )
    assert few == many


@pytest.mark.usefixtures("voice")
def test_the_same_samples_in_any_order(recipe: Any) -> None:
    voice = recipe.synthesis.Voice
    asked = [
        ("the cat sees seven houses", voice("en-us", "f2")),
        ("the cat sees seven houses", voice("en-us", "grandma", 150, 40, 60)),
        ("wo3 jin1tian1 qu4 xue2xiao4", voice("cmn-latn-pinyin", "m4")),
        ("wo3 jin1tian1 qu4 xue2xiao4", voice("cmn-latn-pinyin", "Marco", 130)),
        ("she waits", voice("en-us", "klatt2", 165, 60)),
    ]
    with recipe.synthesis.Synthesiser() as synthesiser:
        first = {one: synthesiser.speak(*one) for one in asked}
    with recipe.synthesis.Synthesiser() as synthesiser:
        for one in random.Random(1).choices(asked, k=15):
            assert synthesiser.speak(*one) == first[one]
    assert len(set(first.values())) == len(asked), "voices, rates and pitches are heard"


@pytest.mark.usefixtures("voice")
def test_a_voice_that_is_none(recipe: Any) -> None:
    with recipe.synthesis.Synthesiser() as synthesiser:
        with pytest.raises(UserError, match=r"did not say 'ni3'.*zh"):
            synthesiser.speak("ni3", recipe.synthesis.Voice("zh", "f1"))
        assert synthesiser.speak("ni3", recipe.synthesis.Voice("cmn-latn-pinyin", "f1"))


def test_a_rule_that_is_missing(recipe: Any) -> None:
    with pytest.raises(UserError, match="NOUN has no rule"):
        recipe.sentences.Grammar("SENTENCE = the NOUN", 1)


def _phonemes(text: str, voice: str) -> str:
    """espeak's phonemes without the marks of stress, from a library of its own."""
    import ctypes

    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0)
    assert library.espeak_SetVoiceByName(voice.encode()) == 0
    rest = ctypes.c_char_p(text.encode())
    found = []
    while rest.value:
        found.append((library.espeak_TextToPhonemes(ctypes.byref(rest), 1, 0) or b"").decode())
    return re.sub(r"[',%=_|]|\(.*?\)", "", " ".join(found))


def _consonants(phonemes: str) -> str:
    """Without tones, pauses and syllable marks: unstressed syllables differ in these."""
    return re.sub(r"[^A-Za-z@:;]", "", phonemes)
