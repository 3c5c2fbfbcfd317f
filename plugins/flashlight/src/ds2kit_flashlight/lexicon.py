"""The words that a search may hear, and how each is spelled in tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ds2kit.components import Tokenizer
from ds2kit.decoding.lexicon import read_lexicon
from ds2kit.errors import UserError

Spelling = tuple[int, ...]


@dataclass(frozen=True)
class Lexicon:
    """Words in order, each with its spellings as token ids, without spaces at their ends.

    left_out: words of the vocabulary that the tokenizer cannot write
    """

    words: tuple[str, ...]
    spellings: tuple[tuple[Spelling, ...], ...]
    left_out: int = 0

    def with_words(self, words: Iterable[str], tokenizer: Tokenizer) -> Lexicon:
        """This one with more words, where they are not in it.

        Raises UserError where the tokenizer cannot write one of them.
        """
        written = {tokenizer.decode(ids) for spelled in self.spellings for ids in spelled}
        more = [word for word in dict.fromkeys(words) if word not in written]
        added = tuple((_spelled(word, tokenizer),) for word in more)
        return Lexicon((*self.words, *more), (*self.spellings, *added), self.left_out)


def separator(tokenizer: Tokenizer) -> int | None:
    """The id of the token that is the space, where no other token has one inside."""
    spaced = [i for i, token in enumerate(tokenizer.tokens) if " " in token]
    return spaced[0] if [tokenizer.tokens[i] for i in spaced] == [" "] else None


def lexicon_of(vocabulary: Sequence[str], tokenizer: Tokenizer) -> Lexicon:
    """The words of a vocabulary that the tokenizer can write, spelled by it."""
    words, spellings = [], []
    for word in vocabulary:
        try:
            spelling = _spelled(word, tokenizer)
        except UserError:
            continue
        words.append(word)
        spellings.append((spelling,))
    return Lexicon(tuple(words), tuple(spellings), len(vocabulary) - len(words))


def lexicon_at(path: Path, tokenizer: Tokenizer) -> Lexicon:
    """The lexicon of a file, as `read_lexicon` reads it."""
    found = read_lexicon(path, tokenizer)
    return Lexicon(tuple(found), tuple(found.values()))


def _spelled(word: str, tokenizer: Tokenizer) -> Spelling:
    """How the tokenizer writes a word. Raises UserError where it cannot."""
    spelling = tuple(tokenizer.encode(word))
    if not spelling or " " in tokenizer.decode(spelling):
        raise UserError(f"{word!r} is no single word for the tokenizer")
    return spelling
