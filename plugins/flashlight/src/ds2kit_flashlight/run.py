"""One utterance's way through one of flashlight's decoders."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flashlight.lib.text.decoder import LM

from ds2kit.components import BLANK
from ds2kit_flashlight.asked import AskedModel
from ds2kit_flashlight.frames import Matrix
from ds2kit_flashlight.slots import Slots

STEPS_BACK = 100
"""How far flashlight looks for the end of a word before it cuts a path elsewhere."""


@dataclass(frozen=True)
class Found:
    """A path through the frames that a decoder remembers, and one place before them.

    tokens: of each place
    ends:   the label that ended there, or a negative number; maybe one more, for the text's end
    score:  what it is ranked by, less what the decoder took off when it forgot frames
    log10:  of the whole text's probability, where the library's own language model gave it
    """

    tokens: list[int]
    ends: list[int]
    score: float
    log10: float

    def said(self, begin: int, end: int | None = None) -> list[int]:
        """The tokens of the places [begin, end), without blanks and repeats."""
        before = self.tokens[begin - 1] if begin else BLANK
        said = []
        for token in self.tokens[begin:end]:
            if token not in (before, BLANK):
                said.append(token)
            before = token
        return said


class Run:
    """A decoder at work on an utterance.

    ending: frames that every utterance ends with
    """

    def __init__(self, decoder: Any, lm: LM, ending: Matrix | None) -> None:
        # The decoder does not keep a language model of Python's alive.
        self._decoder, self._lm, self._ending = decoder, lm, ending
        self._places_after_end = 0
        decoder.decode_begin()

    def hear(self, log_probs: Matrix) -> None:
        """The next [frames, vocabulary], pruned."""
        if len(log_probs):
            self._decoder.decode_step(log_probs.ctypes.data, *log_probs.shape)

    def end(self) -> None:
        """Nothing follows."""
        self._places_after_end = 1
        if self._ending is not None:
            self._decoder.decode_step(self._ending.ctypes.data, *self._ending.shape)
            self._places_after_end += len(self._ending)
        self._decoder.decode_end()

    def found(self) -> Iterator[Found]:
        """All hypotheses; after the end, the best first."""
        return map(self._found, self._decoder.get_all_final_hypothesis())

    def cut(self, best: Found, place: int) -> int:
        """Forget what is before a place of the best path, or somewhat less: where a word begins.

        Returns the place that it is, 0 where nothing was forgotten.
        """
        look_back = len(best.tokens) - 1 - place
        steps = 0
        while place > 0 and not self._cuts(best, place) and steps < STEPS_BACK:
            place, steps = place - 1, steps + 1
        if place > 0:
            self._decoder.prune(look_back)
        return place

    def begin_with(self, labels: Sequence[int]) -> None:
        """All texts that may win go on with these labels, after those that were named before."""
        if isinstance(self._lm, AskedModel):
            self._lm.begin_with(labels)

    def forget(self, *, sure: bool) -> None:
        """Forget what the language model was asked long ago.

        sure: what `begin_with` said holds
        """
        if isinstance(self._lm, AskedModel):
            self._lm.forget(sure=sure)

    def future(self, labels: Sequence[int]) -> Hashable:
        """What the score of more labels hangs on, after these and those that all begin with.

        None where the library's own language model is asked.
        """
        return self._lm.future(labels) if isinstance(self._lm, AskedModel) else None

    def _cuts(self, best: Found, place: int) -> bool:
        return best.ends[place - 1] >= 0

    def _found(self, result: Any) -> Found:
        tokens, ends = result.tokens, result.words
        places = len(tokens) - self._places_after_end
        return Found(tokens[:places], ends, result.score, result.lmScore)


class TokenRun(Run):
    """Of a decoder without a lexicon, which may forget what is before any place."""

    def _cuts(self, best: Found, place: int) -> bool:
        return True


class SlottedRun(TokenRun):
    """Of a decoder that hears the tokens that a frame considers, each in a column of its own."""

    def __init__(self, decoder: Any, asked: AskedModel) -> None:
        super().__init__(decoder, asked, None)
        self._asked, self._slots = asked, Slots()
        self._columns: list[list[int]] = [[BLANK]]

    def hear(self, log_probs: Matrix) -> None:
        for frame in log_probs:
            self._asked.labels, values = self._slots.frame(frame)
            self._columns.append(self._asked.labels)
            self._decoder.decode_step(values.ctypes.data, 1, len(values))

    def cut(self, best: Found, place: int) -> int:
        place = super().cut(best, place)
        del self._columns[:place]
        return place

    def _found(self, result: Any) -> Found:
        found = super()._found(result)
        pairs = zip(found.tokens, self._columns, strict=True)
        tokens = [tokens[column] for column, tokens in pairs]
        return Found(tokens, found.ends, found.score, found.log10)
