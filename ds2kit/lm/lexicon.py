"""Lexicons: each word of a vocabulary, and the tokens that it is written with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ds2kit.components import END, START, UNKNOWN, Tokenizer
from ds2kit.errors import UserError
from ds2kit.lm.arpa import is_arpa, read_arpa
from ds2kit.lm.texts import read_lines
from ds2kit.lm.units import written
from ds2kit.text.normalise import Normaliser

Ranked = list[tuple[str, float]]
"""Words, the most frequent first, each with a number that falls."""


@dataclass(frozen=True)
class Lexicon:
    """The lines of a lexicon, and what is not in it.

    foreign: words that the tokenizer cannot write, and its first symbol that is not a token's
    """

    lines: tuple[str, ...]
    foreign: dict[str, str]


def vocabulary(paths: Sequence[Path], normalise: Normaliser, size: int | None) -> list[str]:
    """The words of ARPA files and of texts, the most frequent first.

    Of ARPA files all words, or the `size` most probable; of texts all, or the `size` most
    frequent. Equally frequent ones are in order of their code points. Raises UserError where a
    file holds no words.
    """
    arpas = [path for path in paths if is_arpa(path)]
    texts = [path for path in paths if path not in arpas]
    words: dict[str, None] = {}
    for path in arpas:
        words |= dict.fromkeys(_first(_of_arpa(path), size))
    if texts:
        counts = Counter(w for line in read_lines(texts, normalise) for w in line.split())
        words |= dict.fromkeys(_first(list(counts.items()), size))
    if not words:
        raise UserError(f"there is no word in {', '.join(map(str, paths))}")
    return list(words)


def make_lexicon(words: Iterable[str], tokenizer: Tokenizer) -> Lexicon:
    """`word<TAB>token token ...` for each word, tokens as `ds2kit.lm.units.written` has them."""
    lines, foreign = [], {}
    for word in words:
        if symbols := tokenizer.foreign(word):
            foreign[word] = symbols[0]
        elif tokens := tokenizer.encode(word):
            spelled = " ".join(written(tokenizer.tokens[token]) for token in tokens)
            lines.append(f"{word}\t{spelled}\n")
        else:
            foreign[word] = word
    return Lexicon(tuple(lines), foreign)


def _of_arpa(path: Path) -> Ranked:
    model = read_arpa(path)
    if model.unit == "token":
        raise UserError(f"{path} is a model of tokens; a lexicon wants one of words or characters")
    log_probs = model.levels[0].log_probs.tolist()
    special = (START, END, UNKNOWN)
    return [(w, p) for w, p in zip(model.units, log_probs, strict=True) if w not in special]


def _first(found: Ranked, size: int | None) -> list[str]:
    ranked = sorted(found, key=lambda pair: (-pair[1], pair[0]))
    return [word for word, _ in ranked[:size]]
