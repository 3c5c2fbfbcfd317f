"""Synthetic speech in two languages: random sentences, said by some hundred voices."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import english
import mandarin
import numpy as np
from sentences import Grammar, Spoken
from synthesis import Synthesiser, Voice

from ds2kit.audio.write import wav
from ds2kit.types import Utterance

# espeak-ng's variants of a voice are the speakers. Whispering and robotic ones are left out, and
# near siblings (steph, steph2) stand on one side. Women are few, so they are listed three times.
# A mouth scales its formants together: variants whose first three are not within a third of each
# other are for training only.
WOMEN = "f1 f3 aunty Alicia Annie grandma shelby linda belinda "
MEN = """m1 m2 m4 m5 m7 m8 Andy AnxiousAndy Diogo Gene2 Henrique Lee Marco Mario Michael Mike Nguyen
    Reed Tweaky announcer boris ed edward edward2 fast grandpa gustave ian iven2 iven3
    iven4 kaukovalta klatt klatt2 klatt3 klatt4 klatt6 marcelo michel miguel mike2 norbert pablo
    quincy robert travis zac"""
SPEAKERS = {
    "train": 3 * WOMEN + MEN,
    "dev": "f2 f5 steph steph2 Andrea m3 m6 antonio david pedro sandro Gene",
    "test": "f4 anika Alex Denis Hugo adam benjamin rob john max paul victor",
}

MANNERS = {
    "train": ((110, 180), (20, 80), (20, 80)),
    "dev": ((120, 165), (35, 65), (35, 65)),
    "test": ((120, 165), (35, 65), (35, 65)),
}
"""Words a minute, pitch and liveliness, from and to. Training ranges wider: it has to do for
voices that it never heard."""


@dataclass(frozen=True)
class Language:
    """How one language is spoken and written.

    between: what stands between two words
    train: utterances to learn it from
    """

    grammar: str
    voice: str
    between: str
    seed: int
    train: int


LANGUAGES = {
    "english": Language(english.GRAMMAR, "en-us", " ", 1, 3200),
    "mandarin": Language(mandarin.GRAMMAR, "cmn-latn-pinyin", "", 2, 4000),
}


def splits(
    *,
    language: Literal["english", "mandarin"] = "english",
    train: int | None = None,
    dev: int = 110,
    test: int = 220,
) -> dict[str, Iterable[Utterance]]:
    """So many utterances each; no sentence and no voice is in two splits.

    train: None: the language's own number
    """
    chosen = LANGUAGES[language]
    grammar = Grammar(chosen.grammar, chosen.seed)
    said: set[tuple[Spoken, ...]] = set()
    # Test is drawn first: it stays the same when somebody asks for more training speech.
    sentences = {
        split: _new_sentences(grammar, count, said)
        for split, count in (("test", test), ("dev", dev), ("train", train or chosen.train))
    }
    return {
        split: _utterances(split, sentences[split], speakers.split(), chosen)
        for split, speakers in SPEAKERS.items()
    }


def _new_sentences(
    grammar: Grammar, count: int, said: set[tuple[Spoken, ...]]
) -> list[tuple[Spoken, ...]]:
    found: list[tuple[Spoken, ...]] = []
    while len(found) < count:
        sentence = grammar.sentence()
        if sentence not in said:
            said.add(sentence)
            found.append(sentence)
    return found


def _utterances(
    split: str, sentences: list[tuple[Spoken, ...]], speakers: list[str], language: Language
) -> Iterator[Utterance]:
    draw = random.Random(f"{split} {language.seed}")
    with Synthesiser() as synthesiser:
        for i, sentence in enumerate(sentences):
            voice = Voice(
                language.voice,
                speakers[i % len(speakers)],
                *(draw.randint(*limits) for limits in MANNERS[split]),
            )
            sound = synthesiser.speak(" ".join(word.said for word in sentence), voice)
            yield Utterance(
                f"{split}-{i:05d}",
                wav(np.frombuffer(sound, np.int16) / 32768, synthesiser.sample_rate),
                language.between.join(word.written for word in sentence),
                voice.variant,
            )
