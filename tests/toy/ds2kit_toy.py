"""A literal search with a language model, and such a model, as an installed distribution.

Too slow for anything but tests: it scores every text that is an edit away from greedy's.
"""

from __future__ import annotations

import math
import os
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ds2kit.components import BLANK, END, LanguageModel, StreamingDecoder, Tokenizer
from ds2kit.decoding.greedy import Greedy
from ds2kit.decoding.words import between_words
from ds2kit.errors import UserError
from ds2kit.hooks import hookimpl
from ds2kit.types import Hypothesis, Padded, Word

FAIL, KILL = "DS2KIT_TOY_FAILS_ON", "DS2KIT_TOY_IS_KILLED_ON"
"""Environment variables: a text whose decoding fails, or ends the process."""

SLEEP = "DS2KIT_TOY_SECONDS"
"""How long each utterance takes at least."""


class Probabilities(LanguageModel):
    """The probability of each word, whatever came before: lines of `word<TAB>probability`."""

    unit = "word"

    def __init__(self, path: Path) -> None:
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        self.logarithms = {word: math.log(float(probability)) for word, probability in rows}
        if END not in self.logarithms:
            raise UserError(f"{path} has no {END}; add a line of it")

    def initial_state(self) -> Hashable:
        return ()

    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[Hashable]]:
        return [self.logarithms.get(unit, math.log(1e-4)) for unit in units], list(states)

    def knows(self, unit: str) -> bool:
        return unit in self.logarithms


class Rescoring(StreamingDecoder):
    """Q(y) = ln p_ctc(y|x) + lm_weight ln p_lm(y) + word_score |y| of greedy's text and of those
    that have a word of it replaced, taken out, or put in.

    beam: so many different words are tried, in the order of the alphabet
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        language_model: LanguageModel | None = None,
        lm_weight: float = 1.0,
        word_score: float = 0.0,
        beam: int = 8,
        lexicon: Path | None = None,
    ) -> None:
        self.tokenizer, self.language_model = tokenizer, language_model
        self.lm_weight, self.word_score = lm_weight, word_score
        known = getattr(language_model, "logarithms", {})
        words = set(known) - {END}
        if lexicon:
            words &= {line.split("\t")[0] for line in lexicon.read_text().splitlines()}
        self.words = sorted(word for word in words if not tokenizer.foreign(word))[:beam]

    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        lengths = log_probs.lengths.tolist()
        return [
            self.best(row[:length]) for row, length in zip(log_probs.values, lengths, strict=True)
        ]

    def begin(self) -> list[Tensor]:
        return []

    def advance(self, stream: list[Tensor], log_probs: Tensor) -> tuple[Word, ...]:
        stream.append(log_probs)
        return ()

    def finish(self, stream: list[Tensor]) -> Hypothesis:
        return self.best(torch.cat(stream))[0]

    def best(self, log_probs: Tensor) -> list[Hypothesis]:
        whole = Padded(log_probs[None], torch.tensor([len(log_probs)]))
        greedy = Greedy(self.tokenizer).decode(whole)[0][0].text
        if os.environ.get(FAIL) == greedy:
            raise ValueError(f"{greedy} is not to be decoded")
        if os.environ.get(KILL) == greedy:
            os.kill(os.getpid(), 9)
        torch.ones(300, 300) @ torch.ones(300, 300)  # with torch's threads, where there are any
        if os.environ.get(SLEEP):
            import time

            time.sleep(float(os.environ[SLEEP]))
        scored = [self.scored(log_probs, text) for text in self.candidates(greedy)]
        scored.sort(key=lambda hypothesis: (-hypothesis.score, hypothesis.text))
        return [one for one in scored if math.isfinite(one.score)][:3]

    def candidates(self, text: str) -> list[str]:
        between = between_words(self.tokenizer)
        words, found = text.split() if between else list(text), {text}
        for i in range(len(words) + 1):
            before, after = words[:i], words[i:]
            for word in self.words:
                found.add(between.join([*before, word, *after]))
                found.add(between.join([*before, word, *after[1:]]))
            found.add(between.join([*before, *after[1:]]))
        return sorted(found)

    def scored(self, log_probs: Tensor, text: str) -> Hypothesis:
        tokens = torch.tensor(self.tokenizer.encode(text), dtype=torch.int64)
        ctc = torch.nn.functional.ctc_loss(
            log_probs[:, None], tokens[None], (len(log_probs),), (len(tokens),), BLANK, "sum"
        )
        acoustic, language = -float(ctc), self.language(text)
        score = acoustic + self.lm_weight * language + self.word_score * len(text.split())
        words = tuple(Word(word, i, i + 1, 0.5) for i, word in enumerate(text.split()))
        return Hypothesis(text, tuple(tokens.tolist()), score, words, acoustic, language)

    def language(self, text: str) -> float:
        """ln p_lm, word by word, with the end."""
        if self.language_model is None:
            return 0.0
        state, total = self.language_model.initial_state(), 0.0
        for word in [*text.split(), END]:
            [score], [state] = self.language_model.score([state], [word])
            total += score
        return total


@hookimpl
def ds2kit_components() -> Iterator[tuple[str, str, str]]:
    yield "decoder", "rescoring", "ds2kit_toy:Rescoring"
    yield "language_model", "probabilities", "ds2kit_toy:Probabilities"
