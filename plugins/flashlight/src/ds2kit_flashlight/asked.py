"""What texts are worth beside their sound, where flashlight has to ask for it, through Python.

For a language model that is none of its own, for hot words, for units that it cannot count.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from flashlight.lib.text.decoder import LM, LMState

from ds2kit.components import BLANK
from ds2kit.decoding.fusion import Following, Fusion, Prefix
from ds2kit_flashlight.columns import NOBODY
from ds2kit_flashlight.lookahead import Lookahead

UNLIKELY = -1e4
"""What is not allowed loses so much: more than any text can make up for. It is finite, so that
there is a way on where nothing better is left."""

STATE_BYTES = 1000
"""What a state takes, without its text."""

KEPT_BYTES = 10_000_000
"""States that were asked for last are kept, while they take that, or at most twice that."""


@dataclass(slots=True, eq=False)
class _Known:
    """A state that flashlight was given: what it stands for, and what was asked after it."""

    state: LMState
    prefix: Prefix
    worth: float
    after: dict[int, tuple[LMState, float]]


class AskedScores(LM):  # type: ignore[misc]  # the library has no types
    """The `Scores` of the core's `Fusion`, for one search; a context is a `Prefix`.

    flashlight asks for one label at a time, again and again. It takes two texts for the same where
    their states are the same object: here where their prefixes have the same key. A state that
    nobody has asked for in a long time is forgotten.

    words:      the labels, each with how the tokenizer writes it; None: the labels are tokens
    word_score: the fusion's, where flashlight adds it itself when a word ends
    columns:    the labels that flashlight's numbers stand for, now; None: they are the numbers
    """

    lm_weight = 1.0

    def __init__(
        self,
        fusion: Fusion,
        lookaheads: Sequence[Lookahead],
        words: Sequence[tuple[str, str]] | None = None,
        word_score: float = 0.0,
    ) -> None:
        LM.__init__(self)  # not super(): the library's constructor must run
        self.word_score = word_score
        self.columns: Sequence[int] | None = None
        self._fusion, self._lookaheads, self._words = fusion, lookaheads, words
        self._answers, self._begin = fusion.answers(), fusion.begin()
        self._recent: dict[LMState, _Known] = {}
        self._older: dict[LMState, _Known] = {}
        self._bytes = 0  # of the recent ones
        self._by_key: dict[Hashable, _Known] = {}
        self._ends: dict[Hashable, LMState] = {}

    @property
    def model(self) -> LM:
        return self

    def begin(self) -> Prefix:
        return self._begin

    def after(self, context: Prefix, label: int) -> Prefix:
        return self._best(context, self._lead_on(context, [label])[label])

    def future(self, context: Prefix) -> Hashable:
        return context.future

    def may_end(self, context: Prefix) -> bool:
        return self._fusion.may_end(context)

    def whole(self, context: Prefix, log10: float) -> tuple[float | None, float]:
        text = self._ended(context)
        return text.language if self._fusion.has_language_model else None, text.worth

    def start(self, start_with_nothing: bool) -> LMState:
        """flashlight's: the state at the beginning of an utterance."""
        return self._known(self._begin).state

    def score(self, state: LMState, number: int) -> tuple[LMState, float]:
        """flashlight's: the state after a label, and what the label is worth."""
        label = number if self.columns is None else self.columns[number]
        known = self._recent.get(state) or self._recall(state)
        if known is None or label == NOBODY:
            return state, UNLIKELY
        found = known.after.get(label)
        # What nobody asked for in between may be forgotten.
        if found is None or not (found[0] in self._recent or self._recall(found[0])):
            self._ask(known, label)
            found = known.after[label]
        return found

    def finish(self, state: LMState) -> tuple[LMState, float]:
        """flashlight's: the state after the end of the text, and what the end is worth."""
        known = self._recall(state)
        if known is None or not self.may_end(known.prefix):
            return state, UNLIKELY
        text = self._ended(known.prefix)
        gain = text.worth - self.word_score * text.units - known.worth
        return self._ends.setdefault(text.key, LMState()), gain

    def _worth(self, prefix: Prefix) -> float:
        """What the beginning of a text has been told to be worth."""
        worth = prefix.worth - self.word_score * prefix.units
        for lookahead in self._lookaheads:
            worth += lookahead(prefix)
        if prefix.places is not None and not prefix.places:
            worth += UNLIKELY
        return worth

    def _ended(self, prefix: Prefix) -> Prefix:
        """The whole text, if nothing follows."""
        [endings] = self._fusion.end([prefix], self._answers)
        return max((ending.prefix for ending in endings), key=lambda text: text.worth)

    def _ask(self, known: _Known, label: int) -> None:
        """Learn what follows a state with a label; and with all labels that will be asked for next,
        so that a language model is asked for them at once.
        """
        if self._bytes >= KEPT_BYTES:
            self._forget()
        labels = [label]
        if self.columns is not None:
            more = (one for one in self.columns if one not in (BLANK, NOBODY, label))
            labels += [one for one in more if one not in known.after]
        following = self._lead_on(known.prefix, labels)
        for one in labels:
            after = self._known(self._best(known.prefix, following[one]))
            known.after[one] = after.state, after.worth - known.worth
        known.prefix.following = None

    def _lead_on(self, prefix: Prefix, labels: Sequence[int]) -> Following:
        """What each of the labels makes of a prefix."""
        if self._words is None:
            return self._fusion.go_on([prefix], labels, self._answers)[0]
        if prefix.following is None:
            prefix.following = {}
        for label in labels:
            if label not in prefix.following:
                word, text = self._words[label]
                after = self._fusion.go_on_by_word(prefix, word, text, self._answers)
                prefix.following[label] = (after,)
        return prefix.following

    def _best(self, prefix: Prefix, ways: tuple[Prefix, ...]) -> Prefix:
        """What a label makes of a prefix: of words that are spelled alike the best."""
        if len(ways) == 1:
            return ways[0]
        if not ways:
            # Nowhere in the lexicon, and nothing leads on from there.
            return replace(prefix, places=frozenset(), following=None)
        return max(ways, key=self._worth)

    def _known(self, prefix: Prefix) -> _Known:
        """The state of a text, whichever way it came about."""
        key = prefix.key
        known = self._by_key.get(key)
        if known is None:
            known = self._by_key[key] = _Known(LMState(), prefix, self._worth(prefix), {})
            self._keep(known)
        else:
            self._recall(known.state)
        return known

    def _recall(self, state: LMState) -> _Known | None:
        """What a state stands for, if it is not forgotten; it will not be soon."""
        known = self._recent.get(state)
        if known is None and (known := self._older.pop(state, None)) is not None:
            self._keep(known)
        return known

    def _keep(self, known: _Known) -> None:
        self._recent[known.state] = known
        self._bytes += STATE_BYTES + len(known.prefix.written)

    def _forget(self) -> None:
        """Let go of what was not asked for since this was called last."""
        self._older, self._recent, self._bytes = self._recent, {}, 0
        self._fusion.forget([one.prefix for one in self._older.values()])
        self._by_key = {one.prefix.key: one for one in self._older.values()}
