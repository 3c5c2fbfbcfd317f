"""An utterance that is heard: what is certain of it, and its hypotheses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from ds2kit.components import BLANK, Tokenizer
from ds2kit.types import Hypothesis, Word
from ds2kit_flashlight.frames import Matrix, pruned
from ds2kit_flashlight.rivals import may_win
from ds2kit_flashlight.run import Found
from ds2kit_flashlight.said import Said
from ds2kit_flashlight.search import Search

SETTLE_FRAMES = 16
"""After so many frames a stream looks for what became certain."""

UNDECIDED_FRAMES = 3000
"""More frames than that are not kept undecided, so that a stream takes bounded memory: then the
best hypothesis decides about the first half. Speech decides sooner; silence may not."""


class Hearing:
    """One utterance, or stream, on its way through a search.

    considered: top_p and top_k of `frames.pruned`
    """

    def __init__(
        self,
        search: Search,
        tokenizer: Tokenizer,
        space: int | None,
        considered: tuple[float, int],
    ) -> None:
        self._search, self._tokenizer = search, tokenizer
        self._top_p, self._top_k = considered
        self._run = search.begin()
        self._frames, self._taken_off = 0, 0.0
        # Of what is certain: what it says, its labels; whether it was no guess.
        self._said, self._labels, self._sure = Said(tokenizer, space), list[int](), True
        # The frames that are not certain yet, and the first that the search remembers.
        self._open: list[Matrix] = []
        self._first = 0

    @property
    def frames(self) -> int:
        """How many were heard."""
        return self._frames

    @property
    def words(self) -> tuple[Word, ...]:
        """Those that are certain."""
        return tuple(self._said.words)

    def hear_all(self, log_probs: Matrix) -> None:
        """The whole utterance; as `hear`, faster."""
        if len(log_probs) > UNDECIDED_FRAMES:
            self.hear(log_probs)
        else:
            self._step(log_probs)

    def hear(self, log_probs: Matrix) -> None:
        """The next [frames, vocabulary] natural log-probabilities."""
        while len(log_probs):
            # At the same frames whatever the pieces are: so they change nothing.
            size = SETTLE_FRAMES - self._frames % SETTLE_FRAMES
            self._step(log_probs[:size])
            log_probs = log_probs[size:]
            if self._frames % SETTLE_FRAMES == 0:
                self._settle()

    def best_so_far(self) -> Hypothesis:
        """The best path, as if nothing followed; the end of the text is not scored."""
        nothing = Found([BLANK], [-1], 0.0, 0.0)
        best = max(self._run.found(), key=lambda found: found.score, default=nothing)
        said = self._heard(best, best.tokens)
        tokens = said.tokens()
        return Hypothesis(
            text=self._tokenizer.decode(tokens),
            tokens=tokens,
            score=best.score + self._taken_off,
            words=tuple(said.words),
        )

    def finish(self, count: int) -> list[Hypothesis]:
        """The best hypotheses of different texts, at most so many, the best first."""
        self._run.end()
        hypotheses: dict[str, Hypothesis] = {}
        for hypothesis in map(self._hypothesis, self._run.found()):
            # The same text, in other tokens or words, may be another to the language model.
            hypotheses.setdefault(hypothesis.text, hypothesis)
            if len(hypotheses) == count:
                break
        return list(hypotheses.values())

    def _step(self, log_probs: Matrix) -> None:
        self._open.append(log_probs)
        self._frames += len(log_probs)
        self._run.hear(pruned(log_probs, top_p=self._top_p, top_k=self._top_k))

    def _settle(self) -> None:
        """Take what all hypotheses have in common out of the search: nothing can change it."""
        found = list(self._run.found())
        best = max(found, key=lambda one: one.score)
        places = len(best.tokens)
        common = _common(self._contenders(found), places)
        certain = self._search.whole(best, common)
        place = min(common - 1, certain)
        if certain < places - UNDECIDED_FRAMES:
            certain = place = places - UNDECIDED_FRAMES // 2
            self._sure = self._sure and certain < common
        self._tell(best, certain)
        # A decoder that remembers no frame at all would give no hypothesis either.
        place = self._run.cut(best, max(0, min(place, places - 2)))
        if place:
            self._first += place
            self._taken_off += best.score
        self._run.forget(sure=self._sure)

    def _contenders(self, found: list[Found]) -> list[Found]:
        """The hypotheses that may win."""
        if not self._sure:
            return found
        begin = self._place(self._said.frames)
        rivals = [self._search.rival(self._run, one, begin, self._labels) for one in found]
        return [one for one, may in zip(found, may_win(rivals), strict=True) if may]

    def _tell(self, best: Found, end: int) -> None:
        """The places of a path before `end` are certain."""
        begin = self._place(self._said.frames)
        if end <= begin:
            return
        values = np.concatenate(self._open)
        self._said.hear(best.tokens[begin:end], values[: end - begin])
        self._open = [values[end - begin :]]
        labels = self._search.labels(best, begin, end)
        self._labels += labels
        if self._sure:
            self._run.begin_with(labels)

    def _place(self, frame: int) -> int:
        """Where a frame is in what the search remembers; place 0 is of the frame before that."""
        return frame - self._first + 1

    def _hypothesis(self, found: Found) -> Hypothesis:
        begin = self._place(self._said.frames)
        labels = self._labels + self._search.labels(found, begin, len(found.ends))
        account = self._search.account(labels, found.log10)
        whole = self._search.without_rest(found, begin, account.complete - len(self._labels))
        said = self._heard(found, whole)
        tokens, score = said.tokens(), found.score + self._taken_off
        return Hypothesis(
            text=self._tokenizer.decode(tokens),
            tokens=tokens,
            score=score,
            words=tuple(said.words),
            acoustic_score=score - account.total,
            language_score=account.language if self._search.has_language_model else None,
        )

    def _heard(self, found: Found, tokens: Sequence[int]) -> Said:
        """What is certain, and the tokens of the places after it."""
        said, begin = self._said.copy(), self._place(self._said.frames)
        if begin < len(found.tokens):
            values = self._open[0] if len(self._open) == 1 else np.concatenate(self._open)
            said.hear(tokens[begin : len(found.tokens)], values)
        said.end()
        return said


def _common(found: Sequence[Found], places: int) -> int:
    """How many places, from the first on, all paths have in common."""
    tokens = np.array([one.tokens for one in found])
    ends = np.array([one.ends[:places] for one in found])
    same = ((tokens == tokens[0]) & (ends == ends[0])).all(axis=0)
    return sum(1 for _ in takewhile(bool, same.tolist()))
