"""What the tests share: toy tokenizers, toy models, and the literal search."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch
from ds2kit_flashlight.kenlm import KenLM
from torch import Tensor

from ds2kit.components import BLANK, END, LanguageModel, Tokenizer
from ds2kit.errors import UserError
from ds2kit.text.char import Char


class Pieces(Tokenizer):
    """Tokens of several letters, with spaces inside as sentencepiece has them; longest first."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = ("", *tokens)

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Self:
        raise NotImplementedError

    def normalise(self, text: str) -> str:
        return " ".join(text.split())

    def foreign(self, text: str) -> tuple[str, ...]:
        known = set("".join(self.tokens))
        return tuple(dict.fromkeys(s for s in self.normalise(text) if s not in known))

    def encode(self, text: str) -> list[int]:
        rest, ids = f" {self.normalise(text)}", []
        while rest.strip(" "):
            fitting = [i for i, token in enumerate(self.tokens) if i and rest.startswith(token)]
            if not fitting:
                raise UserError(f"{text!r} cannot be written")
            ids.append(max(fitting, key=lambda i: len(self.tokens[i])))
            rest = rest[len(self.tokens[ids[-1]]) :]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        return self.normalise("".join(self.tokens[i] for i in ids))

    def to_json(self) -> Mapping[str, Any]:
        return {"tokens": self.tokens[1:]}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        return cls(state["tokens"])


class Toy(LanguageModel):
    """A bigram model in a dictionary of natural logarithms, and how often it was asked."""

    def __init__(self, unit: Any, units: Sequence[str], *, seed: int = 0) -> None:
        generator = random.Random(seed)
        self.unit, self.vocabulary, self.asked = unit, tuple(units), 0
        following = [*units, END, "<unk>"]
        self.log_probs: dict[tuple[str, str], float] = {}
        for before in ["<s>", *units, "<unk>"]:
            weights = [generator.uniform(0.05, 1.0) for _ in following]
            for unit_after, weight in zip(following, weights, strict=True):
                self.log_probs[before, unit_after] = math.log(weight / sum(weights))

    def initial_state(self) -> str:
        return "<s>"

    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[str]]:
        self.asked += len(states)
        known = [unit if unit == END or self.knows(unit) else "<unk>" for unit in units]
        return [self.log_probs[pair] for pair in zip(states, known, strict=True)], known

    def knows(self, unit: str) -> bool:
        return unit in self.vocabulary

    def ln(self, units: Sequence[str]) -> float:
        """ln P of a whole text."""
        total, state = 0.0, "<s>"
        for unit in [*units, END]:
            (score,), (state,) = self.score([state], [unit])
            total += score
        return total

    def arpa(self, path: Path) -> Path:
        """The same model as an ARPA file."""
        log10 = {pair: score / math.log(10) for pair, score in self.log_probs.items()}
        rows = [f"{score:.7f}\t{a} {b}" for (a, b), score in log10.items()]
        unigrams = [f"-1.5\t{unit}\t-0.1" for unit in [*self.vocabulary, "<unk>"]]
        lines = [
            f"# ds2kit unit={self.unit}",
            "\\data\\",
            f"ngram 1={len(unigrams) + 2}",
            f"ngram 2={len(rows)}",
            "",
            "\\1-grams:",
            *unigrams,
            "-99\t<s>\t-0.1",
            f"-1.5\t{END}",
            "",
            "\\2-grams:",
            *rows,
            "",
            "\\end\\",
            "",
        ]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path


def random_log_probs(frames: int, size: int, seed: int, *, peak: float = 2.0) -> Tensor:
    """[frames, size] float32, normalised."""
    generator = np.random.default_rng(seed)
    logits = torch.from_numpy(generator.normal(size=(frames, size)) * peak)
    return logits.log_softmax(dim=-1).float()


def acoustic(log_probs: Tensor) -> dict[tuple[int, ...], float]:
    """ln p_ctc of every row of tokens, from every alignment, one after another."""
    frames, size = log_probs.shape
    values = log_probs.double().tolist()
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(size), repeat=frames):
        score = sum(values[t][token] for t, token in enumerate(path))
        said = tuple(token for token, _ in itertools.groupby(path) if token != BLANK)
        found[said] = float(np.logaddexp(found.get(said, -math.inf), score))
    return found


def texts(log_probs: Tensor, tokenizer: Tokenizer) -> dict[str, float]:
    """ln p_ctc of every text, in whatever tokens."""
    found: dict[str, float] = {}
    for ids, score in acoustic(log_probs).items():
        text = tokenizer.decode(ids)
        found[text] = float(np.logaddexp(found.get(text, -math.inf), score))
    return found


def native(toy: Toy, folder: Path) -> KenLM:
    """The same model, which flashlight asks itself."""
    return KenLM(toy.arpa(folder / "toy.arpa"))


@pytest.fixture
def literal() -> type[Literal]:
    return Literal


class Literal:
    """What the tests need from here, which pytest hands over as a fixture only."""

    Pieces, Toy = Pieces, Toy
    acoustic: Callable[[Tensor], dict[tuple[int, ...], float]] = staticmethod(acoustic)
    texts: Callable[[Tensor, Tokenizer], dict[str, float]] = staticmethod(texts)
    random_log_probs = staticmethod(random_log_probs)
    native = staticmethod(native)
    spaced = Char(list(" ab"))
    mandarin = Char(list("今天气"))
