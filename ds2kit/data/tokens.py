"""What a tokenizer makes of a recipe's transcripts, before anything is trained.

The paper's table of letters, bigrams and hanzi (Amodei et al. 2015, arXiv 1512.02595, sections 3.3
and 3.9) for any tokenizer and any transcripts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ds2kit.components import Frontend, Tokenizer
from ds2kit.data.checks import needed_frames
from ds2kit.data.index import Index

STRIDES = (2, 3, 4)
"""Total strides of the encoder, the paper's: frontend frames for one frame of log-probabilities."""


@dataclass(frozen=True, eq=False)
class Transcripts:
    """The transcripts of some splits, and how long their speech is.

    frames: [utterances] int64, the frontend's
    """

    texts: tuple[str, ...]
    seconds: float
    frames: NDArray[np.int64]

    @classmethod
    def of(cls, indexes: Iterable[Index], frontend: Frontend) -> Transcripts:
        """All utterances of the indexes, each once."""
        indexes = list(indexes)
        samples = [torch.from_numpy(index.samples_at(frontend.sample_rate)) for index in indexes]
        return cls(
            texts=tuple(text for index in indexes for text in index.texts),
            seconds=float(sum(index.seconds.sum() for index in indexes)),
            frames=frontend.output_lengths(torch.cat(samples)).numpy(),
        )


@dataclass(frozen=True)
class TokenStatistics:
    """A tokenizer on training transcripts, and on those of dev.

    bits_per_token:  entropy of the distribution of single tokens in training, base 2
    tokens_per_word: spaces count as the tokens that they are; None without words
    unalignable:     total stride to the share of training utterances for which it leaves CTC
                     fewer frames than tokens, and blanks between two equal ones
    foreign:         share of dev's symbols, spaces apart, that no token holds
    new_words:       share of dev's words that training never has; None without words
    """

    vocabulary: int
    tokens_per_second: float
    bits_per_token: float
    bits_per_second: float
    tokens_per_word: float | None
    unalignable: Mapping[int, float]
    foreign: float
    new_words: float | None

    def to_json(self) -> dict[str, Any]:
        """Shares are fractions of one."""
        return asdict(self)


def measure(
    tokenizer: Tokenizer, train: Transcripts, dev: Transcripts, *, spaced: bool
) -> TokenStatistics:
    """What the tokenizer makes of the transcripts that it learned from, and of others.

    spaced: whether the language has words between spaces
    """
    counts: Counter[int] = Counter()
    known_words: Counter[str] = Counter()
    needed = np.zeros(len(train.texts), np.int64)
    for utterance, text in enumerate(map(tokenizer.normalise, train.texts)):
        known_words.update(text.split())
        if not tokenizer.foreign(text):
            ids = tokenizer.encode(text)
            counts.update(ids)
            needed[utterance] = needed_frames(ids)
    tokens, bits = counts.total(), entropy(counts.values())
    rate = tokens / train.seconds
    dev_texts = [tokenizer.normalise(text) for text in dev.texts]
    dev_words = Counter(word for text in dev_texts for word in text.split())
    new = sum(count for word, count in dev_words.items() if word not in known_words)
    return TokenStatistics(
        vocabulary=tokenizer.size,
        tokens_per_second=rate,
        bits_per_token=bits,
        bits_per_second=rate * bits,
        tokens_per_word=_share(tokens, known_words.total()) if spaced else None,
        unalignable={
            stride: float(np.mean(-(-train.frames // stride) < needed)) for stride in STRIDES
        },
        foreign=_foreign(tokenizer, dev_texts),
        new_words=_share(new, dev_words.total()) if spaced else None,
    )


def entropy(counts: Iterable[int]) -> float:
    """Bits of what occurs so often."""
    numbers = list(counts)
    total = sum(numbers)
    return sum(-count / total * math.log2(count / total) for count in numbers if count)


def _foreign(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """The share of the symbols of normalised texts, spaces apart, that no token holds."""
    symbols = sum(len(text.replace(" ", "")) for text in texts)
    foreign = sum(
        len(symbol) * text.count(symbol)
        for text in texts
        for symbol in tokenizer.foreign(text)
        if symbol != " "
    )
    return _share(foreign, symbols)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
