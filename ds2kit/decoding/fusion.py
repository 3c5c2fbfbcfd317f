"""What a text is worth besides its sound: the language model's probability, scores for words."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ds2kit.components import END, LanguageModel, Tokenizer, Unit
from ds2kit.decoding.hot_words import HotWords
from ds2kit.decoding.lexicon import Lexicon, Node
from ds2kit.decoding.limits import Weights
from ds2kit.decoding.words import between_words
from ds2kit.lm.units import written

ANSWERS_KEPT = 200_000
"""How many answers of the language model a stream keeps: some tens of megabytes."""

KEPT_LETTERS = 256
"""How long all texts of a beam may become before their beginnings are abbreviated."""

MARKS = 0x10000
"""The code points from here on stand for these."""

LETTERS = "..."
"""A word of which nobody asks more than whether it has begun."""

Key = str | tuple[str, frozenset[Node]]
"""What a search tells texts apart by."""

Following = dict[int, tuple["Prefix", ...]]
"""What each token makes of a prefix: one text, or none or several where a lexicon has it so."""


@dataclass(slots=True, eq=False)
class Prefix:
    """The beginning of a text, and what it is worth so far.

    What a search may tell apart is in `key`: the text with single spaces; with a lexicon, the
    words that ended and the place in its tree; with a language model of tokens, the tokens.

    written:   what has been written, as the key has it
    places:    where in the lexicon it is; None: there is no lexicon
    word:      the letters since the last space; LETTERS where it does not matter which
    tail:      as much of its end as hot words need
    state:     the language model's, after the units that ended
    language:  ln P of these
    units:     how many they are
    bonus:     for hot words, and for units that the language model does not know
    worth:     all of this, weighted: what is added to ln p_ctc
    following: what each token makes of it, if that was asked for; most leave the beam before
    """

    written: str = ""
    places: frozenset[Node] | None = None
    word: str = ""
    tail: str = ""
    state: Hashable = None
    language: float = 0.0
    units: int = 0
    bonus: float = 0.0
    worth: float = 0.0
    following: Following | None = None

    @property
    def key(self) -> Key:
        """What tells it from other texts."""
        return self.key_of(self.written)

    def key_of(self, written: str) -> Key:
        """The key of another text in the same place of the lexicon."""
        return written if self.places is None else (written, self.places)

    @property
    def future(self) -> Hashable:
        """What the worth of all that may follow hangs on."""
        return (self.state, self.word, self.tail, self.places)


class Ended(NamedTuple):
    """A text that ends here: its whole worth, and how many of the last tokens are no word."""

    prefix: Prefix
    dropped: int


class _Draft(NamedTuple):
    """A prefix that goes on, before the language model and the hot words were asked."""

    written: str
    places: frozenset[Node] | None
    word: str
    units: tuple[str, ...]
    text: str


class Answers:
    """A language model's answers, kept while a stream may ask again."""

    def __init__(self, language_model: LanguageModel | None) -> None:
        self._model = language_model
        self._kept: dict[tuple[Hashable, str], tuple[float, Hashable]] = {}

    def follow(
        self, wanted: Sequence[tuple[Hashable, Sequence[str]]]
    ) -> list[tuple[float, Hashable]]:
        """ln P of units one after another, each list after its state, and the state after them."""
        found: list[tuple[float, Hashable]] = [(0.0, state) for state, _ in wanted]
        if self._model is None:
            return found
        if len(self._kept) > ANSWERS_KEPT:
            self._kept.clear()
        for number in range(max((len(units) for _, units in wanted), default=0)):
            asking = [i for i, (_, units) in enumerate(wanted) if len(units) > number]
            asked = [(found[i][1], wanted[i][1][number]) for i in asking]
            self._ask(pair for pair in asked if pair not in self._kept)
            for i, pair in zip(asking, asked, strict=True):
                score, state = self._kept[pair]
                found[i] = found[i][0] + score, state
        return found

    def _ask(self, pairs: Iterable[tuple[Hashable, str]]) -> None:
        unknown = list(dict.fromkeys(pairs))
        if unknown and self._model is not None:
            states, units = zip(*unknown, strict=True)
            answers = zip(*self._model.score(states, units), strict=True)
            self._kept |= zip(unknown, answers, strict=True)


class Fusion:
    """Leads texts on, token by token, as lexicon and language model have them.

    A prefix is worth lm_weight * ln P_lm + word_score * units + unknown_score * those of them that
    the language model does not know + the bonuses of its hot words, with all that ended of it; the
    language model's `unit` is what counts as one, else words (characters, where no token has a
    space and no lexicon says what is a word).
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        language_model: LanguageModel | None,
        lexicon: Lexicon | None,
        hot_words: HotWords | None,
        weights: Weights,
    ) -> None:
        self._model, self._lexicon, self._hot_words = language_model, lexicon, hot_words
        self._weights = weights
        self._unit = unit_of(tokenizer, language_model, lexicon)
        self._keeps_words = self._model is not None and self._unit == "word" and lexicon is None
        self._parts = [token.split(" ") for token in tokenizer.tokens]
        self._units = [self._units_of(token) for token in tokenizer.tokens]

    @property
    def has_language_model(self) -> bool:
        return self._model is not None

    def answers(self) -> Answers:
        """What a stream keeps of the language model's answers: nothing yet."""
        return Answers(self._model)

    def begin(self) -> Prefix:
        """The beginning of a text."""
        places = frozenset((self._lexicon.root,)) if self._lexicon is not None else None
        state = self._model.initial_state() if self._model is not None else None
        return Prefix(places=places, state=state)

    def go_on(
        self, prefixes: Iterable[Prefix], tokens: Sequence[int], answers: Answers
    ) -> list[Following]:
        """What each of the tokens makes of each prefix: nothing where the lexicon forbids it."""
        all_following, waiting = [], []
        for prefix in prefixes:
            if prefix.following is None:
                prefix.following = {}
            following = prefix.following
            all_following.append(following)
            for token in tokens:
                if token in following:
                    continue
                following[token] = ()
                for draft in self._drafts(prefix, token):
                    if draft.units:
                        waiting.append((prefix, following, token, draft))
                    else:
                        following[token] += (self._after(prefix, draft, 0.0, prefix.state),)
        if waiting:
            scored = answers.follow(
                [(prefix.state, draft.units) for prefix, _, _, draft in waiting]
            )
            for (prefix, following, token, draft), score in zip(waiting, scored, strict=True):
                following[token] += (self._after(prefix, draft, *score),)
        return all_following

    def go_on_by_word(self, prefix: Prefix, word: str, text: str, answers: Answers) -> Prefix:
        """What a whole word, and the space after it, makes of a prefix.

        text: the word as the tokenizer writes it
        """
        draft = _Draft(_with_word(prefix.written, word), prefix.places, "", (word,), f"{text} ")
        ((score, state),) = answers.follow([(prefix.state, draft.units)])
        return self._after(prefix, draft, score, state)

    def may_end(self, prefix: Prefix) -> bool:
        """Whether its last word is one, so that a text may end here."""
        return any(True for _ in self._endings(prefix))

    def end(self, prefixes: Sequence[Prefix], answers: Answers) -> list[list[Ended]]:
        """What each prefix is as a whole text: nothing where its last word is none.

        Where that is so of all of them, each without what it has of that word.
        """
        drafts = [list(self._endings(prefix)) for prefix in prefixes]
        dropped = [0] * len(prefixes)
        if not any(drafts):
            drafts = [[self._without_rest(prefix)] for prefix in prefixes]
            dropped = [min((node.depth for node in p.places or ()), default=0) for p in prefixes]
        end = (END,) if self._model is not None else ()
        flat = [(p, draft) for p, listed in zip(prefixes, drafts, strict=True) for draft in listed]
        scored = answers.follow([(prefix.state, draft.units + end) for prefix, draft in flat])
        whole = iter(
            self._after(prefix, draft, score, state)
            for (prefix, draft), (score, state) in zip(flat, scored, strict=True)
        )
        return [
            [Ended(next(whole), count) for _ in listed]
            for listed, count in zip(drafts, dropped, strict=True)
        ]

    def forget(self, prefixes: Sequence[Prefix]) -> None:
        """Abbreviate what a beam's texts begin with, once all are long: they would grow with the
        stream. Those that were the same, or one the beginning of another, are so afterwards.
        """
        length = min(len(prefix.written) for prefix in prefixes)
        if length < KEPT_LETTERS:
            return
        begun = dict.fromkeys(prefix.written[:length] for prefix in prefixes)
        marks = {begin: chr(number) for number, begin in enumerate(begun, MARKS)}
        for prefix in prefixes:
            prefix.written = marks[prefix.written[:length]] + prefix.written[length:]
            prefix.following = None

    def _after(self, prefix: Prefix, draft: _Draft, score: float, state: Hashable) -> Prefix:
        tail, language, units = prefix.tail, prefix.language, prefix.units
        bonus, worth = prefix.bonus, prefix.worth
        if draft.units or score or self._hot_words is not None:
            weights = self._weights
            language, units = language + score, units + len(draft.units)
            if self._hot_words is not None:
                tail, more = self._hot_words.follow(tail, draft.text)
                bonus += more
            if weights.unknown_score and self._model is not None:
                bonus += weights.unknown_score * sum(not self._model.knows(u) for u in draft.units)
            worth = weights.lm_weight * language + weights.word_score * units + bonus
        return Prefix(
            draft.written, draft.places, draft.word, tail, state, language, units, bonus, worth
        )

    def _drafts(self, prefix: Prefix, token: int) -> Iterable[_Draft]:
        """What a token makes of a prefix: nothing where the lexicon does not allow it."""
        word, text, ended = self._fold(prefix.word, token)
        if prefix.places is None:
            units = ended if self._unit == "word" else self._units[token]
            return (_Draft(self._write(prefix, token, text), None, word, units, text),)
        return self._drafts_of_places(prefix, token, word, text)

    def _drafts_of_places(
        self, prefix: Prefix, token: int, word: str, text: str
    ) -> Iterator[_Draft]:
        assert self._lexicon is not None
        places = prefix.places or ()
        ways = [way for place in places for way in self._lexicon.follow(place, token)]
        if self._unit == "word":
            # Each way is a text of its own: the model counts the words of the lexicon.
            for end, place in ways:
                yield _Draft(
                    _with_word(prefix.written, end), frozenset((place,)), word, _only(end), text
                )
        elif ways:
            # It does not matter in what words these units are.
            whole = self._write(prefix, token, text)
            reached = frozenset(place for _, place in ways)
            yield _Draft(whole, reached, word, self._units[token], text)

    def _endings(self, prefix: Prefix) -> Iterator[_Draft]:
        """What the prefix is where its text ends; nothing where its last word is none."""
        if self._lexicon is None or prefix.places is None:
            rest = (prefix.word,) if self._unit == "word" and prefix.word else ()
            yield _Draft(self._stripped(prefix.written), None, "", rest, " ")
            return
        ends = [word for place in prefix.places for word in self._lexicon.ended(place)]
        if self._unit == "word":
            for end in ends:
                yield _Draft(_with_word(prefix.written, end), None, "", _only(end), " ")
        elif ends:
            yield _Draft(self._stripped(prefix.written), None, "", (), " ")

    def _without_rest(self, prefix: Prefix) -> _Draft:
        """The text without the word that it broke off in."""
        return _Draft(self._stripped(prefix.written), None, "", (), "")

    def _fold(self, word: str, token: int) -> tuple[str, str, tuple[str, ...]]:
        """What a token makes of a word: the rest of it or the next; what it adds to the text, its
        spaces single ones and none at the beginning; and the words that end with it.
        """
        parts = self._parts[token]
        ended: tuple[str, ...] = ()
        text = parts[0]
        word += text
        if len(parts) > 1:
            for part in parts[1:]:
                if word:
                    ended, text = (*ended, word), text + " "
                word, text = part, text + part
        return word if self._keeps_words or not word else LETTERS, text, ended

    def _write(self, prefix: Prefix, token: int, text: str) -> str:
        return prefix.written + (chr(token) if self._unit == "token" else text)

    def _stripped(self, text: str) -> str:
        return text if self._unit == "token" else text.rstrip(" ")

    def _units_of(self, token: str) -> tuple[str, ...]:
        """The units that a token has by itself; a word has none before it ends."""
        if self._unit == "character":
            return tuple(token.replace(" ", ""))
        return (written(token),) if self._unit == "token" else ()


def unit_of(
    tokenizer: Tokenizer, language_model: LanguageModel | None, lexicon: Lexicon | None
) -> Unit:
    """What `word_score` counts."""
    if language_model is not None:
        return language_model.unit
    return "word" if lexicon is not None or between_words(tokenizer) else "character"


def _with_word(words: str, word: str | None) -> str:
    return words if word is None else f"{words}{word} "


def _only(word: str | None) -> tuple[str, ...]:
    return () if word is None else (word,)
