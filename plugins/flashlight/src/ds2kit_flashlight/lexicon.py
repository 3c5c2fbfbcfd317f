"""The words that a search may hear, and how each is spelled in tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ds2kit.components import Tokenizer
from ds2kit.errors import UserError, close_name

SPACE = "\u2581"
"""How files write a space inside a token (▁)."""

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


def written(token: str) -> str:
    """A token's text as files, and language models of tokens, have it: without spaces."""
    return token.replace(" ", SPACE)


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


def read_lexicon(path: Path, tokenizer: Tokenizer) -> Lexicon:
    """The lexicon of a file: a line is `word<TAB>token token ...`, a space in a token as U+2581.

    A word of several spellings has several lines. Raises UserError that names file and line where
    a token is not the tokenizer's, or a spelling reads otherwise than its word.
    """
    ids = {written(token): i for i, token in enumerate(tokenizer.tokens) if token}
    found: dict[str, dict[Spelling, None]] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        word, tab, tokens = line.partition("\t")
        place = f"lexicon {path}, line {number}"
        if not tab or not word or " " in word:
            raise UserError(f"{place}: {line[:60]!r}; expected word<TAB>token token ...")
        spelling = _ids_of(word, tokens.split(), ids, place)
        text = tokenizer.decode(spelling)
        if text not in (word, tokenizer.normalise(word)) or not text:
            raise UserError(
                f"{place}: {word!r} is spelled {tokens!r}, which reads {text!r}; expected tokens "
                "that read the word"
            )
        found.setdefault(word, {})[spelling] = None
    if not found:
        raise UserError(f"lexicon {path} holds no word; expected lines of word<TAB>token token ...")
    return Lexicon(tuple(found), tuple(tuple(spellings) for spellings in found.values()))


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield line.rstrip("\r\n")
    except OSError as error:
        raise UserError(f"lexicon {path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"lexicon {path} is no UTF-8 text: {error}; convert it") from error


def _ids_of(word: str, tokens: Sequence[str], ids: Mapping[str, int], place: str) -> Spelling:
    for token in tokens:
        if token not in ids:
            raise UserError(
                f"{place}: {token!r}, of {word!r}, is no token of the tokenizer"
                f"{close_name(token, ids)}; make the lexicon with the tokenizer of this model"
            )
    # Other makers close each word with the space; here it stands between words.
    inner = list(tokens)
    while inner and inner[-1] == SPACE:
        del inner[-1]
    while inner and inner[0] == SPACE:
        del inner[0]
    return tuple(ids[token] for token in inner)


def _spelled(word: str, tokenizer: Tokenizer) -> Spelling:
    """How the tokenizer writes a word. Raises UserError where it cannot."""
    spelling = tuple(tokenizer.encode(word))
    if not spelling or " " in tokenizer.decode(spelling):
        raise UserError(f"{word!r} is no single word for the tokenizer")
    return spelling
