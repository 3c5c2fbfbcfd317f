"""The definitions, word by word and slowly: what the tests of this room compare with."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction

from ds2kit.components import END, START, UNKNOWN

Ngram = tuple[str, ...]

FALL_BACK = (Fraction(1, 2), Fraction(1), Fraction(3, 2))


class KneserNey:
    """Interpolated modified Kneser-Ney by its equations, in exact fractions."""

    def __init__(
        self, sentences: Sequence[Sequence[str]], order: int, thresholds: Sequence[int] = (0,)
    ) -> None:
        written = [(START, *sentence, END) for sentence in sentences]
        self.order = min(order, max(map(len, written)))
        self.vocabulary = sorted({unit for s in written for unit in s} - {START} | {UNKNOWN})
        self.raw: Counter[Ngram] = Counter(
            s[i : i + n]
            for s in written
            for n in range(1, self.order + 1)
            for i in range(len(s) - n + 1)
        )
        preceding: defaultdict[Ngram, set[str]] = defaultdict(set)
        for ngram in self.raw:
            preceding[ngram[1:]].add(ngram[0])
        self.count: dict[Ngram, int] = {}
        for ngram in self.raw:
            whole = len(ngram) == self.order or ngram[0] == START
            self.count[ngram] = self.raw[ngram] if whole else len(preceding[ngram])
        self.count[(START,)] = 0
        self.discounts = [self._discounts(n) for n in range(1, self.order + 1)]
        limits = [thresholds[min(n, len(thresholds) - 1)] for n in range(self.order)]
        self.kept = {g for g in self.raw if len(g) == 1 or self.raw[g] > limits[len(g) - 1]}

    def _discounts(self, length: int) -> tuple[Fraction, ...]:
        values = [c for g, c in self.count.items() if len(g) == length]
        t = [Fraction(values.count(n)) for n in range(5)]
        if 0 in t[1:]:
            return FALL_BACK
        y = t[1] / (t[1] + 2 * t[2])
        found = tuple(n - (n + 1) * y * t[n + 1] / t[n] for n in (1, 2, 3))
        return found if min(found) > 0 else FALL_BACK

    def discount(self, ngram: Ngram) -> Fraction:
        return (Fraction(0), *self.discounts[len(ngram) - 1])[min(self.count[ngram], 3)]

    def continuations(self, context: Ngram) -> list[Ngram]:
        longer = ((*context, unit) for unit in self.vocabulary)
        return [ngram for ngram in longer if self.count.get(ngram)]

    def backoff(self, context: Ngram) -> Fraction:
        """What the context leaves to the shorter one."""
        found = self.continuations(context)
        if not found:
            return Fraction(1)
        left = sum(self.discount(g) if g in self.kept else self.count[g] for g in found)
        return Fraction(left) / sum(self.count[g] for g in found)

    def prob(self, unit: str, context: Ngram) -> Fraction:
        context = context[max(0, len(context) - self.order + 1) :] if self.order > 1 else ()
        ngram = (*context, unit)
        total = sum(self.count[g] for g in self.continuations(context))
        own = Fraction(0)
        if ngram in self.kept and self.count[ngram]:
            own = (self.count[ngram] - self.discount(ngram)) / total
        if not context:
            return own + self.backoff(()) / len(self.vocabulary)
        return own + self.backoff(context) * self.prob(unit, context[1:])

    def histories(self) -> list[Ngram]:
        """Every context that may come, and some that no sentence has."""
        units = [*self.vocabulary, START]
        lengths = range(self.order)
        return [h for n in lengths for h in itertools.product(units, repeat=n)]


class Arpa:
    """An ARPA file by its definition: base-10 logarithms in two dictionaries."""

    def __init__(self, text: str) -> None:
        self.log_probs: dict[Ngram, float] = {}
        self.log_backoffs: dict[Ngram, float] = {}
        length = 0
        for line in text.splitlines():
            if line.startswith("\\") and line.endswith("-grams:"):
                length = int(line[1:].partition("-")[0])
            elif length and line.strip() and not line.startswith("\\"):
                fields = line.split()
                ngram = tuple(fields[1 : length + 1])
                self.log_probs[ngram] = float(fields[0])
                self.log_backoffs[ngram] = float((fields[length + 1 :] or ["0"])[0])
        self.order = length

    def log_prob(self, unit: str, history: Ngram) -> float:
        """log10 P(unit | history)."""
        context = history[max(0, len(history) - self.order + 1) :] if self.order > 1 else ()
        if (*context, unit) in self.log_probs:
            return self.log_probs[(*context, unit)]
        if not context:
            return self.log_probs.get((UNKNOWN,), -100.0)
        return self.log_backoffs.get(context, 0.0) + self.log_prob(unit, context[1:])
