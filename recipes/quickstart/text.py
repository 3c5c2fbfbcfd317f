"""Sentences of a language's grammar, for a language model: python text.py LANGUAGE N > FILE"""

from __future__ import annotations

import sys

from prepare import LANGUAGES
from sentences import Grammar

SEED = 9
"""Other sentences than those that are said, but for chance: `ds2kit lm --without` sees to these."""


def main(language: str, count: str) -> None:
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    chosen = LANGUAGES[language]
    grammar = Grammar(chosen.grammar, SEED)
    for _ in range(int(count)):
        print(chosen.between.join(word.written for word in grammar.sentence()))


if __name__ == "__main__":
    main(*sys.argv[1:])
