"""Any language model as one that flashlight's decoders can ask."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from flashlight.lib.text.decoder import LM, LMState

from ds2kit.components import END
from ds2kit_flashlight.frames import UNLIKELY
from ds2kit_flashlight.fusion import Fusion, Prefix
from ds2kit_flashlight.slots import NOBODY

KEPT_STATES = 50_000
"""How many states a stream may keep, some 20 MB; then those go that were asked for long ago."""

TAIL = 32
"""How much of a text is kept that cannot win any more, but goes on."""


class _Known:
    """A state that flashlight was given: what it stands for, what was asked of it, and when."""

    __slots__ = ("after", "asked", "end", "prefix")

    def __init__(self, prefix: Prefix, asked: int) -> None:
        self.prefix, self.asked = prefix, asked
        self.after: dict[int, tuple[LMState, float]] = {}
        self.end: tuple[LMState, float] | None = None


class AskedModel(LM):  # type: ignore[misc]  # the library has no types
    """A fusion, for one flashlight decoder, which asks for one label at a time, again and again.

    flashlight takes two texts for the same where their states are the same object: those of the
    same labels, or, where the fusion merges, those that read the same.

    labels: what each of the decoder's numbers stands for, at the moment
    """

    def __init__(self, fusion: Fusion, labels: Sequence[int]) -> None:
        LM.__init__(self)  # not super(): the library's constructor must run
        self.labels = labels
        self._fusion = fusion
        self._known: dict[LMState, _Known] = {}
        self._merged: dict[Hashable, LMState] = {}
        self._root: LMState | None = None
        self._asked = 0

    def start(self, start_with_nothing: bool) -> LMState:
        """The beginning of an utterance; what was asked in the last one is forgotten."""
        self._known.clear()
        self._merged.clear()
        self._root = LMState()
        self._known[self._root] = _Known(self._fusion.begin(), self._asked)
        return self._root

    def score(self, state: LMState, number: int) -> tuple[LMState, float]:
        label = self.labels[number]
        known = self._known.get(state)
        if known is None:  # it was forgotten
            return state, UNLIKELY
        known.asked = self._asked
        found = known.after.get(label)
        if found is None:
            if label == NOBODY:
                return state, UNLIKELY
            self._asked += 1
            gain, prefix = self._fusion.follow(known.prefix, label)
            found = known.after[label] = (self._state(state, label, prefix), gain)
        return found

    def finish(self, state: LMState) -> tuple[LMState, float]:
        known = self._known.get(state)
        if known is None:
            return state, UNLIKELY
        if known.end is None:
            after = state.child(-1)
            if self._fusion.merges:
                after = self._merged.setdefault((END, known.prefix.text.rstrip(" ")), after)
            known.end = (after, self._fusion.end(known.prefix))
        return known.end

    def begin_with(self, labels: Sequence[int]) -> None:
        """All texts that may win go on with these labels, after those that were named before."""
        self._root = self._after(labels)

    def future(self, labels: Sequence[int]) -> Hashable:
        """What the score of more labels hangs on, after these and those that all begin with."""
        try:
            prefix = self._known[self._after(labels)].prefix
        except KeyError:  # a text that begins otherwise, and cannot win
            return tuple(labels)
        return prefix._replace(text=prefix.text[-1:])

    def forget(self, *, sure: bool) -> None:
        """Let go of states that nobody asks for any more, where there are many.

        sure: what all texts that may win begin with is known, and stays, with what follows
        """
        if len(self._known) <= KEPT_STATES:
            return
        waiting, kept = [self._root] if sure else [], dict[LMState, _Known]()
        while waiting:
            state = waiting.pop()
            if state not in kept:
                kept[state] = self._known[state]
                waiting += [after for after, _ in kept[state].after.values()]
        # By questions, not by time: in silence nobody is asked.
        recent = self._asked - KEPT_STATES // 2
        others = {s: k for s, k in self._known.items() if k.asked > recent and s not in kept}
        self._known = kept | others
        if self._fusion.merges:
            same = len(self._known[self._root].prefix.text) if sure else 0
            self._shorten(kept.values(), max(0, same - 1))
            self._shorten(others.values(), -TAIL, mark="\0")
            both = self._known.items()
            self._merged = {
                (k.prefix.rest, k.prefix.text): s for s, k in both if s is not self._root
            }

    def _shorten(self, listed: Iterable[_Known], begin: int, mark: str = "") -> None:
        """Texts would grow with the stream: take their beginnings away, which they have in common,
        but for the last letter, which says whether a space may follow.

        mark: keeps apart those that begin otherwise, and cannot win
        """
        for known in listed:
            text = mark + known.prefix.text[begin:]
            known.prefix = known.prefix._replace(text=text)

    def _after(self, labels: Sequence[int]) -> LMState:
        state = self._root
        for label in labels:
            state = self._known[state].after[label][0]
        return state

    def _state(self, state: LMState, label: int, prefix: Prefix) -> LMState:
        key = (prefix.rest, prefix.text)
        after = self._merged.get(key) if self._fusion.merges else None
        if after is None:
            after = state.child(label)
            self._known[after] = _Known(prefix, self._asked)
            if self._fusion.merges:
                self._merged[key] = after
        return after
