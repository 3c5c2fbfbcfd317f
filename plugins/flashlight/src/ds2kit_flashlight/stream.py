"""An utterance on its way: what is certain of it, and its hypotheses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ds2kit.components import BLANK, Tokenizer
from ds2kit.decoding.limits import Limits
from ds2kit.decoding.pruning import likely
from ds2kit.decoding.words import Emission, Told, WordsSoFar
from ds2kit.types import Hypothesis, Word
from ds2kit_flashlight.asked import UNLIKELY
from ds2kit_flashlight.recombination import Rival, may_win
from ds2kit_flashlight.search import Matrix, Path, Search

SETTLE_FRAMES = 16
"""After so many frames a stream looks for what became certain."""

UNDECIDED_FRAMES = 3000
"""More frames than that are not kept undecided, so that a stream takes bounded memory: then the
best hypothesis decides about the first half. Speech decides sooner; silence may not."""


class Stream:
    """One utterance, heard in pieces, and what is said in it.

    nothing: the words before the first frame
    frames:  how many were heard
    """

    def __init__(
        self, search: Search, tokenizer: Tokenizer, nothing: WordsSoFar, limits: Limits
    ) -> None:
        self.frames = 0
        self._search, self._tokenizer, self._limits = search, tokenizer, limits
        # What is certain: of so many frames; the scores' context after it.
        self._told, self._certain = Told(nothing), 0
        self._context = search.scores.begin()
        # The log-probabilities of the frames after that.
        self._open: list[Matrix] = []
        # The frames that the search does not remember, and the score that went with them.
        self._forgotten, self._taken_off = 0, 0.0

    @property
    def words(self) -> list[Word]:
        """Those that are certain."""
        return self._told.words

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
            size = SETTLE_FRAMES - self.frames % SETTLE_FRAMES
            self._step(log_probs[:size])
            log_probs = log_probs[size:]
            if self.frames % SETTLE_FRAMES == 0:
                self._settle()

    def best_so_far(self) -> Hypothesis:
        """The best path, as if nothing followed; the end of the text is not scored."""
        nothing = Path([BLANK], [-1], 0.0, 0.0)
        best = max(self._search.paths(), key=lambda path: path.score, default=nothing)
        return self._hypothesis(best, len(best.tokens), best.score + self._taken_off)

    def finish(self) -> list[Hypothesis]:
        """The best hypotheses of different texts, the best first."""
        self._search.end()
        found: dict[str, Hypothesis] = {}
        for path in self._search.paths():
            end = self._search.whole(path, self._begin, len(path.tokens), self._context)
            context = self._search.after(self._context, path, self._begin, end)
            language, worth = self._search.scores.whole(context, path.log10)
            score = path.score + self._taken_off
            hypothesis = self._hypothesis(
                path, end, score, acoustic_score=score - worth, language_score=language
            )
            # The same text, in other tokens or words, may be another to the language model.
            found.setdefault(hypothesis.text, hypothesis)
            if len(found) == self._limits.n_best:
                break
        return list(found.values())

    @property
    def _begin(self) -> int:
        """The place, in what the search remembers, of the first frame that is not certain."""
        return self._certain - self._forgotten + 1

    def _step(self, log_probs: Matrix) -> None:
        kept = likely(log_probs, top_p=self._limits.top_p, top_k=self._limits.top_k)
        values = np.maximum(log_probs, np.float32(UNLIKELY))
        values += ~kept * np.float32(UNLIKELY)
        self._open.append(log_probs)
        self.frames += len(log_probs)
        self._search.hear(values)

    def _settle(self) -> None:
        """Take what all hypotheses have in common out of the search: nothing can change it."""
        paths = list(self._search.paths())
        best = max(paths, key=lambda path: path.score)
        places = len(best.tokens)
        common = _in_common(self._contenders(paths))
        end = self._search.whole(best, self._begin, max(self._begin, common), self._context)
        if end < places - UNDECIDED_FRAMES:
            end = places - UNDECIDED_FRAMES // 2
        self._make_certain(best, end)
        # It remembers a frame of what is certain, and always one: without it gives no path.
        forgotten = self._search.forget(min(end - 1, places - 2))
        if forgotten:
            self._forgotten += forgotten
            self._taken_off += best.score

    def _contenders(self, paths: Sequence[Path]) -> list[Path]:
        """The hypotheses that may win."""
        rivals = [
            Rival(
                self._tokenizer.decode((*self._told.tokens[-1:], *path.emitted(self._begin))),
                self._search.future(path, self._begin, self._context),
                path.score,
            )
            for path in paths
        ]
        return [path for path, may in zip(paths, may_win(rivals), strict=True) if may]

    def _make_certain(self, path: Path, end: int) -> None:
        """What a path says in the places before `end` is so."""
        begin = self._begin
        self._context = self._search.after(self._context, path, begin, end)
        self._told.go_on(self._emissions(path, end))
        self._open = [np.concatenate(self._open)[end - begin :]]
        self._certain += end - begin

    def _emissions(self, path: Path, end: int) -> list[Emission]:
        """What a path says after what is certain, in the places before `end`."""
        tokens = np.array(path.tokens[self._begin : end])
        if not len(tokens):
            return []
        values = self._open[0] if len(self._open) == 1 else np.concatenate(self._open)
        starts = np.flatnonzero(np.diff(tokens, prepend=-1))
        ends = np.append(starts[1:], len(tokens))
        # As sure as in its surest frame.
        surest = np.maximum.reduceat(values[np.arange(len(tokens)), tokens], starts)
        said = tokens[starts] != BLANK
        columns = (tokens[starts], starts + self._certain, ends + self._certain, np.exp(surest))
        return list(map(Emission, *(column[said].tolist() for column in columns)))

    def _hypothesis(self, path: Path, end: int, score: float, **parts: float | None) -> Hypothesis:
        """What a path says, as if nothing followed its place `end`."""
        tokens, words = self._told.whole(self._emissions(path, end))
        return Hypothesis(
            text=self._tokenizer.decode(tokens),
            tokens=tokens,
            score=score,
            words=words,
            **parts,
        )


def _in_common(paths: Sequence[Path]) -> int:
    """The place before which all paths are the same, but for a token that may last longer."""
    first = paths[0].tokens
    tokens = np.array([path.tokens for path in paths])
    words = np.array([path.words for path in paths])
    same = ((tokens == tokens[0]) & (words == words[0])).all(axis=0)
    end = len(first) if same.all() else int(np.argmin(same))
    last = first[end - 1] if end else BLANK
    while end and last != BLANK and first[end - 1] == last:
        end -= 1
    return end
