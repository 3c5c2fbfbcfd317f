"""CTC prefix beam search, frame by frame (after Hannun et al. 2014, arXiv 1408.2873).

A candidate is a text, and its alignments are kept apart by the token that they end in: one that
follows itself goes on in the same emission, unless a blank stands between. So every alignment is
counted once, in whatever tokens it spells the text.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ds2kit.components import BLANK, Tokenizer
from ds2kit.decoding.candidates import Alignments, Candidate, log_add, log_sum
from ds2kit.decoding.fusion import Fusion, Key, Prefix
from ds2kit.decoding.limits import Limits
from ds2kit.decoding.paths import Said, common
from ds2kit.decoding.pruning import likely
from ds2kit.decoding.recombination import recombined
from ds2kit.decoding.words import Told, WordsSoFar
from ds2kit.types import Hypothesis, Word

LEAST = math.log(1e-300)
"""What a blank is taken to have where no text of the beam can go on otherwise."""

SETTLE_FRAMES = 16
"""After how many frames what can no longer change is taken out of a search."""

HANDICAP = 1e-6
"""Of a text that cannot become the best: rounding must not bring it ahead of its equal."""


class Arrival:
    """Alignments that end in a token, or in a blank, in this frame, as they are found.

    said:   the emissions of the best one before this frame
    begins: whether it begins another in this frame
    """

    __slots__ = ("begins", "best", "mass", "said")

    def __init__(self, mass: float, best: float, said: Said, begins: bool) -> None:
        self.mass, self.best, self.said, self.begins = mass, best, said, begins

    def alignments(self, token: int, frame: int, log_prob: float) -> Alignments:
        """With the emission of this frame, whose token has such a probability."""
        said = self.said
        if self.begins:
            said = Said(said, token, frame, frame + 1, math.exp(log_prob))
        elif token != BLANK:
            said = said.longer(frame + 1, math.exp(log_prob))
        return Alignments(self.mass, self.best, said)


class Arrivals:
    """What a frame makes of the beam: texts, and their alignments by last token.

    hopeless: those that cannot become the best, where they are kept
    """

    def __init__(self) -> None:
        self.texts: dict[Key, tuple[Prefix, dict[int, Arrival]]] = {}
        self.hopeless: set[Key] = set()

    def add(
        self, prefix: Prefix, token: int, before: Alignments, log_prob: float, *, begins: bool
    ) -> None:
        """Alignments of a text that end in the token, after those before this frame."""
        mass, best = before.mass + log_prob, before.best + log_prob
        ends = self.texts.setdefault(prefix.key, (prefix, {}))[1]
        found = ends.get(token)
        if found is None:
            ends[token] = Arrival(mass, best, before.said, begins)
            return
        found.mass = log_add(found.mass, mass)
        if best > found.best:
            found.best, found.said, found.begins = best, before.said, begins


class Final(Told):
    """What was said up to an emission that is final."""

    def __init__(self, nothing: WordsSoFar, last: Said) -> None:
        super().__init__(nothing)
        self.last = last

    def until(self, said: Said) -> None:
        """Up to a later emission."""
        self.go_on(said.since(self.last))
        self.last = said


class Search:
    """The search through one stream of log-probabilities.

    nothing: the words before the first frame
    """

    def __init__(
        self, tokenizer: Tokenizer, nothing: WordsSoFar, fusion: Fusion, limits: Limits
    ) -> None:
        self.frames = 0
        self._tokenizer, self._fusion, self._limits = tokenizer, fusion, limits
        self._answers = fusion.answers()
        # What all texts of the beam have in common, and all that may become the best.
        begin = Said.nothing()
        self._settled = Final(nothing, begin)
        self._final = self._settled if limits.n_best == 1 else Final(nothing, begin)
        self._beam = [Candidate(fusion.begin(), {BLANK: Alignments(0.0, 0.0, begin)})]

    @property
    def words(self) -> list[Word]:
        """Those that are final, for all texts that may become the best have them in common."""
        return self._final.words

    def hear(self, log_probs: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        """The next [frames, vocabulary] natural log-probabilities."""
        kept = likely(log_probs, top_p=self._limits.top_p, top_k=self._limits.top_k)
        for frame, mask in zip(log_probs, kept, strict=True):
            tokens = np.flatnonzero(mask)
            self._step(dict(zip(tokens.tolist(), frame[tokens].tolist(), strict=True)))
            # By the frames of the stream, so that its pieces make no difference.
            if self.frames % SETTLE_FRAMES == 0:
                self._give_up()
                self._settle()
        self._settle()

    def so_far(self) -> Hypothesis:
        """The best text of the beam as it stands, with the word that is not over."""
        return self._hypothesis(self._beam[0])

    def best(self) -> list[Hypothesis]:
        """The n best texts if nothing follows, the best first."""
        arrivals = Arrivals()
        listed = self._fusion.end([candidate.prefix for candidate in self._beam], self._answers)
        ended = zip(self._beam, listed, strict=True)
        for candidate, endings in sorted(ended, key=lambda pair: pair[0].hopeless):
            for prefix, dropped in endings:
                whole = candidate.whole
                whole = whole._replace(said=whole.said.without(dropped))
                if candidate.hopeless:
                    if prefix.key not in arrivals.texts:
                        arrivals.hopeless.add(prefix.key)
                    # The words of its way may be others than those that are final.
                    whole = whole._replace(best=-math.inf)
                arrivals.add(prefix, BLANK, whole, 0.0, begins=False)
        hypotheses: dict[str, Hypothesis] = {}
        for candidate in self._ranked(arrivals, {BLANK: 0.0}, len(arrivals.texts)):
            # The same text in other words, or other tokens, is another one to the language model.
            if len(hypotheses) < self._limits.n_best:
                found = self._hypothesis(candidate)
                hypotheses.setdefault(found.text, found)
        return list(hypotheses.values())

    def _step(self, log_probs: Mapping[int, float]) -> None:
        """A frame: ln P of the tokens to consider in it."""
        tokens = [token for token in log_probs if token != BLANK]
        prefixes = [candidate.prefix for candidate in self._beam]
        all_following = self._fusion.go_on(prefixes, tokens, self._answers)
        arrivals = Arrivals()
        for candidate, following in zip(self._beam, all_following, strict=True):
            prefix = candidate.prefix
            if log_probs[BLANK] > -math.inf:
                arrivals.add(prefix, BLANK, candidate.whole, log_probs[BLANK], begins=False)
            for token, end in candidate.ends.items():
                if token != BLANK and token in log_probs:
                    arrivals.add(prefix, token, end, log_probs[token], begins=False)
            for token in tokens:
                before = candidate.before(token)
                if before is not None:
                    for after in following[token]:
                        arrivals.add(after, token, before, log_probs[token], begins=True)
            if candidate.hopeless:
                arrivals.hopeless.add(prefix.key)
                arrivals.hopeless.update(a.key for token in tokens for a in following[token])
        if not arrivals.texts:
            # What is certain is nothing that the lexicon has: the search goes on without it.
            for candidate in self._beam:
                arrivals.add(candidate.prefix, BLANK, candidate.whole, LEAST, begins=False)
        ranked = self._ranked(arrivals, log_probs, self._limits.beam)
        least = ranked[0].score - self._limits.beam_threshold
        self._keep([candidate for candidate in ranked if candidate.score >= least])
        self.frames += 1

    def _give_up(self) -> None:
        """Let the texts go that cannot become the best; where others are wanted, mark them."""
        hopeful = recombined(self._beam)
        if self._limits.n_best == 1:
            self._keep(hopeful)
            return
        for candidate in set(self._beam).difference(hopeful):
            candidate.hopeless = True

    def _keep(self, candidates: list[Candidate]) -> None:
        """The beam from here on; what others might have become is let go with them."""
        staying = {candidate.prefix for candidate in candidates}
        for candidate in self._beam:
            if candidate.prefix not in staying:
                candidate.prefix.following = None
        self._beam = candidates

    def _ranked(
        self, arrivals: Arrivals, log_probs: Mapping[int, float], count: int
    ) -> list[Candidate]:
        """The best candidates, at most so many, the best first."""
        scored = []
        for key, (prefix, ends) in arrivals.texts.items():
            score = log_sum([end.mass for end in ends.values()]) + prefix.worth
            hopeless = key in arrivals.hopeless
            scored.append((score - HANDICAP if hopeless else score, prefix, ends, hopeless))
        return [
            Candidate(
                prefix,
                {t: end.alignments(t, self.frames, log_probs[t]) for t, end in ends.items()},
                hopeless=hopeless,
            )
            for _, prefix, ends, hopeless in heapq.nlargest(count, scored, key=lambda one: one[0])
        ]

    def _settle(self) -> None:
        """Take what all texts of the beam have in common out of the search."""
        hopeful = [candidate for candidate in self._beam if not candidate.hopeless]
        if self._final is not self._settled and hopeful:
            self._final.until(common(_ways(hopeful)))
        shared = common(_ways(self._beam))
        self._settled.until(shared)
        shared.forget()
        self._fusion.forget([candidate.prefix for candidate in self._beam])

    def _hypothesis(self, candidate: Candidate) -> Hypothesis:
        tokens, words = self._settled.whole(candidate.whole.said.since(self._settled.last))
        return Hypothesis(
            text=self._tokenizer.decode(tokens),
            tokens=tokens,
            score=candidate.score,
            words=words,
            acoustic_score=candidate.whole.mass,
            language_score=candidate.prefix.language if self._fusion.has_language_model else None,
        )


def _ways(candidates: Iterable[Candidate]) -> Iterator[Said]:
    """The best ways of texts, as far as nothing that follows can change them."""
    for candidate in candidates:
        for token, end in candidate.ends.items():
            yield end.said.without(_open(candidate.prefix, token))


def _open(prefix: Prefix, token: int) -> int:
    """How many of a way's last emissions may still change, or be dropped with their word.

    token: the one it ends in, whose emission may go on; or the blank
    """
    unfinished = max((place.depth for place in prefix.places or ()), default=0)
    return max(unfinished, int(token != BLANK))
