"""The rows of decoding.py's table, and which of them are compared.

Groups: `defaults`; `best`, with the weights and the beam that have the fewest errors on dev;
`equal`, of a decoder of ds2kit's and pyctcdecode, each with the narrowest beam that makes at most
as many errors on dev as the worse of the two at its best. `beam` has the weights that were tuned
with flashlight, whose score is the same.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from contest import GREEDY, Best, Contest, Maker, Way
from searches import Search, Split

from ds2kit.types import Score

UNKNOWN_SCORE = -10.0
"""What lexicon-free search takes from a word that the language model does not know: pyctcdecode's
default."""

TOP_P = (0.9, 0.95, 0.99, 0.995, 0.999, 0.9999)

LEFT_OUT = ("beam", "flashlight", "flashlight directly", "pyctcdecode")
"""What may be left out."""

PEER = Maker("pyctcdecode", "pyctcdecode")


@dataclass(eq=False)
class Row:
    """A line of the table, and what was measured.

    texts, scores: of each utterance
    speeds:        utterances a second, round by round
    """

    group: str
    maker: Maker
    search: Search
    texts: list[str] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)

    @property
    def score(self) -> Score:
        return sum(self.scores, Score(0, 0, 0, 0))

    @property
    def speed(self) -> float:
        return statistics.median(self.speeds)

    @property
    def settings(self) -> dict[str, Any]:
        """Whatever is not the default; the lexicon is the same for all that have one."""
        return {name: v for name, v in self.maker.options.items() if name != "lexicon"}


@dataclass(frozen=True)
class Pair:
    """Two rows whose speeds are compared.

    same: their texts are to be the same too: it is the same search, or nearly
    """

    one: Row
    other: Row
    same: bool

    @property
    def ratios(self) -> list[float]:
        return [a / b for a, b in zip(self.one.speeds, self.other.speeds, strict=True)]

    @property
    def same_texts(self) -> int:
        return sum(a == b for a, b in zip(self.one.texts, self.other.texts, strict=True))


class Lineup:
    """The rows and the pairs of a contest.

    dev:     that weights are tuned on; None: defaults only
    without: those of LEFT_OUT that are
    """

    def __init__(self, contest: Contest, dev: Split | None, without: Collection[str]) -> None:
        self.rows: list[Row] = []
        self.pairs: list[Pair] = []
        self._contest, self._without = contest, without
        self._ours = list(_ours(contest, "beam" if "flashlight" in without else "flashlight"))
        self._peer = "pyctcdecode" not in without and contest.pyctcdecode is not None
        tuned = [*self._ours, PEER] if self._peer else self._ours
        self._best: dict[Maker, Best] = (
            {maker: contest.tuned(maker, dev) for maker in tuned} if dev else {}
        )

    def of_decoders(self) -> None:
        """Every decoder at its defaults and its best, and ds2kit's where pyctcdecode is equal."""
        self._add("defaults", GREEDY)
        if self._contest.counts == "word" and "beam" not in self._without:
            self._add("defaults", Maker("beam, lexicon-free", "beam"))
        self._group("defaults", {})
        if self._best:
            self._group("best", {m: best.weights.options() for m, best in self._best.items()})
            self._equal()

    def of_pruning(self) -> None:
        """One top_p after another, and no pruning at all; weights as they are best."""
        main, size = self._ours[0], self._contest.tokenizer.size
        if self._best:
            main = main.with_options(**self._best[main].weights.options())
        for maker in self._by_ways(main):
            name, way = maker.name, maker.way
            pruned = [
                self._add("pruning", maker.by(f"{name}, top_p {top_p}", way, top_p=top_p))
                for top_p in TOP_P
            ]
            whole = maker.by(f"{name}, unpruned", way, top_p=1.0, top_k=size)
            other = self._add("pruning", whole)
            self.pairs += [Pair(one, other, same=True) for one in pruned]

    def _by_ways(self, maker: Maker) -> Iterator[Maker]:
        """The search, and the same search by `beam`."""
        yield maker
        if maker.way != "beam" and "beam" not in self._without:
            yield maker.by(maker.name.replace(maker.way, "beam"), "beam")

    def _group(self, group: str, weights: Mapping[Maker, Mapping[str, Any]]) -> None:
        main = self._ours[0].with_options(**weights.get(self._ours[0], {}))
        for maker in self._by_ways(main):
            self._add(group, maker)
        if not {"flashlight", "flashlight directly"} & {*self._without}:
            self._beside_flashlight(group, main)
        for maker in [*self._ours[1:], *([PEER] if self._peer else [])]:
            self._add(group, maker.with_options(**weights.get(maker, {})))

    def _beside_flashlight(self, group: str, maker: Maker) -> None:
        """The same search through ds2kit and directly: with what flashlight has itself only."""
        tokens, counts = self._contest.tokenizer.tokens[1:], self._contest.counts
        pruned = self._add(group, maker)
        name, options = f"{maker.name}, top_p 1", {"top_p": 1.0}
        if counts == "word":
            able = [token for token in tokens if " " in token] == [" "]
        else:
            able = counts == "token" or all(len(token.strip()) == 1 for token in tokens)
            if maker.options.get("word_score"):
                name, options["word_score"] = f"{name}, word_score 0", 0.0
        if able:
            one = self._add(group, maker.by(name, "flashlight", **options))
            name = maker.name.replace("flashlight", "flashlight directly")
            other = self._add(group, maker.by(name, "flashlight directly", **options))
            self.pairs.append(Pair(one, other, same=True))
            if "word_score" not in options:
                self.pairs.append(Pair(pruned, other, same=True))

    def _equal(self) -> None:
        if not self._peer:
            return
        peer = self._best[PEER]
        for number, maker in enumerate(self._ours):
            best = self._best[maker]
            errors = max(best.errors, peer.errors)
            narrow = maker.with_options(**best.narrowed(errors).options())
            other = self._add("equal", PEER.with_options(**peer.narrowed(errors).options()))
            for one in self._by_ways(narrow) if number == 0 else [narrow]:
                self.pairs.append(Pair(self._add("equal", one), other, same=False))

    def _add(self, group: str, maker: Maker) -> Row:
        """A row, or the one that there is of the same search."""
        for row in self.rows:
            if row.maker == maker:
                return row
        self.rows.append(Row(group, maker, self._contest.make(maker)))
        return self.rows[-1]


def _ours(contest: Contest, way: Way) -> Iterator[Maker]:
    """The searches of ds2kit's that are tuned, the one that others are compared with first."""
    if contest.counts != "word":
        yield Maker(way, way)
        return
    yield Maker(f"{way}, lexicon", way, {"lexicon": contest.lexicon})
    if way == "flashlight":
        yield Maker("flashlight, lexicon-free", way, {"unknown_score": UNKNOWN_SCORE})
