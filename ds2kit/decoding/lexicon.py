"""The words that a search may hear, and how each is spelled in tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ds2kit.components import Tokenizer
from ds2kit.decoding.boundaries import Boundaries
from ds2kit.errors import UserError, close_name
from ds2kit.lm.units import SPACE, written

Spellings = Mapping[str, Sequence[Sequence[int]]]
"""Words, each with its spellings in token ids."""


def read_lexicon(path: Path, tokenizer: Tokenizer) -> dict[str, tuple[tuple[int, ...], ...]]:
    """The words of a lexicon in order, each with its spellings as token ids.

    A line is `word<TAB>token token ...`, a space inside a token written as U+2581 (▁); a word of
    several spellings has several lines. A token that is nothing but a space is left out at the
    ends of a spelling. A word may be in other letters than the tokenizer's (`THE` for
    `t h e`), if the tokenizer normalises it to what the spelling reads.
    Raises UserError that names file and line where a token is not the tokenizer's, a spelling
    reads otherwise than its word, or a line is no such line, and where there is no word at all.
    """
    ids = {written(token): i for i, token in enumerate(tokenizer.tokens) if token}
    found: dict[str, dict[tuple[int, ...], None]] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        place = f"lexicon {path}, line {number}"
        word, tab, spelled = line.partition("\t")
        if not tab or not word or " " in word:
            raise UserError(f"{place}: {line[:60]!r}; expected word<TAB>token token ...")
        spelling = _spelling(spelled.split(" "), ids, place, word, tokenizer)
        found.setdefault(word, {})[spelling] = None
    if not found:
        raise UserError(f"lexicon {path} holds no word; expected lines of word<TAB>token token ...")
    return {word: tuple(spellings) for word, spellings in found.items()}


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                yield line.rstrip("\r\n")
    except OSError as error:
        raise UserError(f"lexicon {path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"lexicon {path} is no UTF-8 text: {error}; convert it") from error


def _spelling(
    tokens: Sequence[str], ids: Mapping[str, int], place: str, word: str, tokenizer: Tokenizer
) -> tuple[int, ...]:
    """The ids of a line's tokens, checked."""
    tokens = [token for token in tokens if token]
    for token in tokens:
        if token not in ids:
            hint = close_name(token, ids)
            raise UserError(
                f"{place}: {token!r}, of {word!r}, is no token of the tokenizer{hint}; make the "
                "lexicon with the tokenizer of this model"
            )
    inner = list(tokens)
    while inner and inner[0] == SPACE:
        del inner[0]
    while inner and inner[-1] == SPACE:
        del inner[-1]
    spelling = tuple(ids[token] for token in inner)
    text = tokenizer.decode(spelling)
    if not text or (text != word and text != tokenizer.normalise(word)):
        raise UserError(
            f"{place}: {word!r} is spelled {' '.join(tokens)!r}, which reads {text!r}; expected "
            "tokens that read the word"
        )
    return spelling


class Node:
    """The beginning of a spelling: a place in the tree of all of them.

    token: the last one of it
    depth: how many tokens it has
    words: those that are spelled so
    """

    __slots__ = ("depth", "following", "token", "words")

    def __init__(self, token: int, depth: int) -> None:
        self.token, self.depth = token, depth
        self.words: tuple[str, ...] = ()
        self.following: dict[int, Node] = {}


class Lexicon:
    """The tree of the spellings, which a text is led along, word by word.

    Where a script has spaces, words need one between them, as a token of its own or inside one;
    where it has none, they follow one another (Boundaries), and the lexicon says what is a word.
    """

    def __init__(self, words: Spellings, tokenizer: Tokenizer) -> None:
        self.root = Node(0, 0)
        self._texts = tokenizer.tokens
        self._boundaries = Boundaries(tokenizer)
        for word, spellings in words.items():
            for spelling in spellings:
                node = self.root
                for token in spelling:
                    if token not in node.following:
                        node.following[token] = Node(token, node.depth + 1)
                    node = node.following[token]
                node.words += (word,)

    def follow(self, node: Node, token: int) -> Iterator[tuple[str | None, Node]]:
        """Where a token leads from a place, and the word, if any, that ends with it.

        None of them where the lexicon does not allow it, several where words are spelled alike or
        one begins as another does.
        """
        if not self._texts[token].strip(" "):
            if node is self.root:
                yield None, node
            for word in node.words:
                yield word, self.root
            return
        if token in node.following:
            yield None, node.following[token]
        if node.words and token in self.root.following and self._apart(node.token, token):
            for word in node.words:
                yield word, self.root.following[token]

    def ended(self, node: Node) -> Iterator[str | None]:
        """The word, if any, that ends where the text does; nothing where it may not end there."""
        if node is self.root:
            yield None
        yield from node.words

    def _apart(self, before: int, after: int) -> bool:
        return self._boundaries.between(self._texts[before][-1], self._texts[after][0])
