"""What a search's labels say: the units of a language model, as labels follow one another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from ds2kit.components import Tokenizer
from ds2kit_flashlight.frames import UNLIKELY
from ds2kit_flashlight.lexicon import Lexicon


class Read(NamedTuple):
    """What a label adds to what was read before.

    rest:    what is read but no unit yet
    units:   those that are complete now
    ahead:   what the rest is worth, by the look of it: taken back when it is known
    allowed: whether the label may stand there at all
    """

    rest: Hashable
    units: tuple[str, ...]
    ahead: float = 0.0
    allowed: bool = True


class Reader(ABC):
    """Makes units of labels, one after another."""

    start: Any = None

    @abstractmethod
    def read(self, rest: Any, label: int) -> Read:
        """What the next label says after a rest."""

    def end(self, rest: Any) -> Read:
        """What the rest is where the text ends."""
        return Read(None, ())


class Listed(Reader):
    """Each label is a fixed list of units.

    between: a unit that stands between two labels, such as the space of a model of tokens
    """

    start = False

    def __init__(self, units: Sequence[tuple[str, ...]], between: str | None = None) -> None:
        self._units, self._between = units, () if between is None else (between,)

    def read(self, rest: Any, label: int) -> Read:
        units = self._units[label]
        return Read(True, self._between + units if rest else units)


class AnyWords(Reader):
    """Words between spaces, whatever their letters.

    vocabulary:    the known ones; None: they are not listed
    unknown_score: what a word outside of it costs, foreseen as soon as no known one begins so
    """

    start = ""

    def __init__(
        self, tokenizer: Tokenizer, vocabulary: Sequence[str] | None, unknown_score: float
    ) -> None:
        self._parts = [token.split(" ") for token in tokenizer.tokens]
        self._known = None if vocabulary is None else sorted(vocabulary)
        self._unknown_score = unknown_score

    def read(self, rest: Any, label: int) -> Read:
        first, *more = self._parts[label]
        word, units = rest + first, []
        for part in more:
            if word:
                units.append(word)
            word = part
        return Read(word, tuple(units), self._foreseen(word))

    def end(self, rest: Any) -> Read:
        return Read("", (rest,) if rest else ())

    def _foreseen(self, word: str) -> float:
        if not word or self._known is None:
            return 0.0
        place = bisect_left(self._known, word)
        begins = place < len(self._known) and self._known[place].startswith(word)
        return 0.0 if begins else self._unknown_score


class Node:
    """The beginning of a spelling: a place in the tree of all of them.

    word:  that is spelled so; of several the first of the lexicon
    ahead: the best that the words below may be worth
    """

    __slots__ = ("ahead", "following", "word")

    def __init__(self) -> None:
        self.following: dict[int, Node] = {}
        self.word: int | None = None
        self.ahead = UNLIKELY


class Spelled(Reader):
    """Words of a lexicon, where tokens have spaces inside, as a word's first one does.

    units: of each word
    worth: of each word, by the look of it
    """

    def __init__(
        self,
        lexicon: Lexicon,
        tokenizer: Tokenizer,
        units: Sequence[tuple[str, ...]],
        worth: Sequence[float],
    ) -> None:
        # Where the next word begins: anywhere, and only where its first token has the space.
        self.start, self._dead = Node(), Node()
        self._units, self._texts = units, tokenizer.tokens
        for number, spellings in enumerate(lexicon.spellings):
            for spelling in spellings:
                self._insert(number, spelling, worth[number])
        self.start.ahead = 0.0
        self._opened: Mapping[int, Node] = {
            token: node
            for token, node in self.start.following.items()
            if self._texts[token].startswith(" ")
        }

    def read(self, rest: Any, label: int) -> Read:
        text = self._texts[label]
        if rest is self.start and not text.strip(" "):
            return Read(rest, ())
        if label in rest.following:
            node = rest.following[label]
            return Read(node, (), node.ahead)
        if rest.word is not None and text.startswith(" "):
            units = self._units[rest.word]
            if not text.strip(" "):
                return Read(self.start, units)
            if label in self._opened:
                return Read(self._opened[label], units, self._opened[label].ahead)
        return Read(self._dead, (), 0.0, allowed=False)

    def end(self, rest: Any) -> Read:
        if rest is self.start:
            return Read(None, ())
        if rest.word is None:
            return Read(None, (), allowed=False)
        return Read(None, self._units[rest.word])

    def _insert(self, word: int, spelling: Sequence[int], worth: float) -> None:
        node = self.start
        for token in spelling:
            node = node.following.setdefault(token, Node())
            node.ahead = max(node.ahead, worth)
        node.word = word if node.word is None else node.word
