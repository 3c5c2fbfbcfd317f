"""Searches through log-probabilities: ds2kit's, and flashlight-text called directly.

Seconds are the processor's, and of the search alone: from an utterance's log-probabilities, ready
in memory, to its text. Of ds2kit they hold all that `ds2kit decode` does for an utterance: the
check of the values, pruning, the search, scores, words with times and confidence. Of flashlight:
the search, its list of hypotheses, and the text of the best.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from ds2kit.components import BLANK, Decoder, Tokenizer
from ds2kit.data.index import Index
from ds2kit.decoding import log_probs
from ds2kit.decoding.lexicon import read_lexicon
from ds2kit.decoding.split import search
from ds2kit.lm.units import written

Matrix: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

CERTAIN, IMPOSSIBLE = 0.0, -1e4


class Split:
    """A split as a trained network heard it: log-probabilities, and what was said, by key."""

    def __init__(self, experiment: Path, data: Path, name: str, tokenizer: Tokenizer) -> None:
        self.name, self.folder = name, experiment / "decode" / name / log_probs.FOLDER
        command = f"ds2kit decode {experiment} {name} decoder.name=greedy --save-log-probs"
        if not self.folder.is_dir():
            raise SystemExit(f"{self.folder} is not there; make it: {command}")
        self.log_probs, index = log_probs.LogProbs(self.folder), Index.load(data / name)
        if self.log_probs.about["index_digest"] != index.digest:
            raise SystemExit(f"{self.folder} is of another {data / name}; make it anew: {command}")
        self.keys = index.keys
        texts = [tokenizer.normalise(text) for text in index.texts]
        self.texts = dict(zip(index.keys, texts, strict=True))
        self.speakers = dict(zip(index.keys, index.speakers, strict=True))

    def some(self, count: int) -> list[str]:
        """So many keys, from the shortest utterance to the longest."""
        places = np.linspace(0, len(self.keys) - 1, min(count, len(self.keys)))
        return [self.keys[place] for place in places.round().astype(int)]


class Turn(NamedTuple):
    """The texts of utterances, and the processor seconds that it took to find them."""

    texts: list[str]
    seconds: float


class Search(Protocol):
    """Decodes utterances of a split, one after another, in one thread."""

    def __call__(self, split: Split, keys: Sequence[str]) -> Turn: ...


class InThisProcess(ABC):
    """A search that runs here."""

    def __call__(self, split: Split, keys: Sequence[str]) -> Turn:
        ready = [np.array(split.log_probs[key]) for key in keys]
        begin = time.process_time()
        texts = [self.text(one) for one in ready]
        return Turn(texts, time.process_time() - begin)

    @abstractmethod
    def text(self, values: Matrix) -> str:
        """What was said in [frames, vocabulary]."""


class Ours(InThisProcess):
    """A decoder of ds2kit, as `ds2kit decode` calls it."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def text(self, values: Matrix) -> str:
        return search(self._decoder, values)[0].text


class DirectWords(InThisProcess):
    """flashlight's LexiconDecoder, over a tokenizer in which one token is the space.

    As with its own examples, each spelling in the tree ends with that token. So an utterance must
    too, or its last word is lost: a frame that certainly is the space follows it.

    options: ds2kit's, of the same names
    """

    def __init__(
        self, tokenizer: Tokenizer, language_model: Path, options: Mapping[str, Any]
    ) -> None:
        from flashlight.lib.text.decoder import LexiconDecoder, LexiconDecoderOptions

        self._space, size = tokenizer.tokens.index(" "), tokenizer.size
        self._ending = np.full((1, size), IMPOSSIBLE, np.float32)
        self._ending[0, self._space] = CERTAIN
        lexicon = read_lexicon(options["lexicon"], tokenizer)
        self._words = list(lexicon)
        lm = _kenlm(language_model, self._words)
        chosen = LexiconDecoderOptions(
            beam_size_token=min(options["top_k"], size),
            word_score=options["word_score"],
            unk_score=-math.inf,
            **_shared(options),
        )
        trie = _trie(lexicon, lm, size, self._space)
        no_unknown, lm_by_token = -1, False
        self._decoder = LexiconDecoder(
            chosen, trie, lm, self._space, BLANK, no_unknown, [], lm_by_token
        )

    def text(self, values: Matrix) -> str:
        values = np.concatenate([values, self._ending])
        best = self._decoder.decode(values.ctypes.data, *values.shape)[0]
        return " ".join(self._words[word] for word in best.words if word >= 0)


class DirectTokens(InThisProcess):
    """flashlight's LexiconFreeDecoder, with a language model that counts the tokenizer's tokens."""

    def __init__(
        self, tokenizer: Tokenizer, language_model: Path, options: Mapping[str, Any]
    ) -> None:
        from flashlight.lib.text.decoder import LexiconFreeDecoder, LexiconFreeDecoderOptions

        self._tokens = tokenizer.tokens
        lm = _kenlm(language_model, [written(token) for token in self._tokens])
        # ds2kit counts the blank beside its top_k.
        considered = min(options["top_k"] + 1, tokenizer.size)
        chosen = LexiconFreeDecoderOptions(beam_size_token=considered, **_shared(options))
        no_silence = BLANK
        self._decoder = LexiconFreeDecoder(chosen, lm, no_silence, BLANK, [])

    def text(self, values: Matrix) -> str:
        path = self._decoder.decode(values.ctypes.data, *values.shape)[0].tokens[1:-1]
        said = [
            self._tokens[token]
            for before, token in zip([BLANK, *path], path, strict=False)
            if token not in (before, BLANK)
        ]
        return " ".join("".join(said).split())


def _shared(options: Mapping[str, Any]) -> dict[str, Any]:
    """What both of flashlight's searches are told. Its language models count in powers of ten."""
    from flashlight.lib.text.decoder import CriterionType

    return {
        "beam_size": options["beam"],
        "beam_threshold": options["beam_threshold"],
        "lm_weight": options["lm_weight"] * math.log(10),
        "sil_score": 0.0,
        "log_add": options["log_add"],
        "criterion_type": CriterionType.CTC,
    }


def _kenlm(path: Path, units: Sequence[str]) -> Any:
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    dictionary = Dictionary()
    for number, unit in enumerate(units):
        dictionary.add_entry(unit, number)
    return KenLM(str(path), dictionary)


def _trie(lexicon: Mapping[str, Sequence[Sequence[int]]], lm: Any, size: int, space: int) -> Any:
    """The spellings, each with the score of its word at the beginning of a text."""
    from flashlight.lib.text.decoder import SmearingMode, Trie

    trie, start = Trie(size, space), lm.start(False)
    for number, spellings in enumerate(lexicon.values()):
        _, score = lm.score(start, number)
        for spelling in spellings:
            trie.insert([*spelling, space], number, score)
    trie.smear(SmearingMode.MAX)
    return trie
