"""flashlight finds what ds2kit's reference search, `beam`, finds: all texts, and their scores.

Both read the same ARPA file, one by KenLM and one by `ngram`, and leave nothing out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from ds2kit_flashlight.decoder import Flashlight
from ds2kit_flashlight.kenlm import KenLM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from ds2kit.components import END, START, UNKNOWN, Decoder
from ds2kit.decoding.beam import Beam
from ds2kit.lm.ngram import NGram
from ds2kit.text.char import Char
from ds2kit.types import Hypothesis, Padded

COMPLETE: dict[str, Any] = {
    "beam": 100_000,
    "beam_threshold": 1e6,
    "top_p": 1.0,
    "top_k": 1000,
    "n_best": 100_000,
}
"""Nothing is left out."""

WORDS = ("a", "b", "ab", "ba", "bb", "aab")

UNITS = {"word": WORDS, "character": ("a", "b"), "token": ("a", "b", "▁")}

Ngram = tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """What both decoders are given.

    log_probs: [frames, vocabulary], natural logarithms
    unit, arpa: the language model's, and its file's text; None: there is none
    lexicon:   None: any word may be heard
    options:   weights
    """

    tokenizer: Char
    log_probs: Tensor
    unit: str | None
    arpa: str
    lexicon: list[str] | None
    options: dict[str, float]


@st.composite
def arpas(draw: st.DrawFn, unit: str, units: tuple[str, ...]) -> str:
    """A model of order 2 or 3 (KenLM takes none of 1), of some n-grams: the others back off."""
    known = draw(st.lists(st.sampled_from(units), min_size=1, unique=True))
    levels = [[(one,) for one in (UNKNOWN, START, END, *known)]]
    for _ in range(draw(st.integers(1, 2))):
        # The end of each is one of the level below, as its beginning is.
        longer = [
            (*before, after[-1])
            for before in levels[-1]
            for after in levels[-1]
            if before[1:] == after[:-1] and before[-1] != END and after[-1] != START
        ]
        if longer:
            some = st.lists(st.sampled_from(longer), min_size=1, max_size=8, unique=True)
            levels.append(draw(some))
    lines = [f"# ds2kit unit={unit}", "\\data\\"]
    lines += [f"ngram {order}={len(level)}" for order, level in enumerate(levels, 1)]
    for order, level in enumerate(levels, 1):
        lines += ["", f"\\{order}-grams:"]
        for ngram in level:
            log10 = -99.0 if ngram == (START,) else draw(hundredths(-300, -1))
            back_off = f"\t{draw(hundredths(-150, 50))}" if order < len(levels) else ""
            lines.append(f"{log10}\t{' '.join(ngram)}{back_off if ngram[-1] != END else ''}")
    return "\n".join([*lines, "", "\\end\\", ""])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    unit = draw(st.sampled_from([None, *UNITS]))
    tokenizer = Char(" ab")
    if unit in (None, "character") and draw(st.booleans()):
        tokenizer = Char("ab")
    logit = st.floats(-6, 6, width=32)
    frame = st.lists(logit, min_size=tokenizer.size, max_size=tokenizer.size)
    logits = torch.tensor(draw(st.lists(frame, min_size=1, max_size=5)))
    lexicon = None
    if " " in tokenizer.tokens and draw(st.booleans()):
        lexicon = draw(st.lists(st.sampled_from(WORDS), min_size=1, unique=True))
    options = {"word_score": draw(hundredths(-200, 200))}
    arpa = ""
    if unit is not None:
        # A model that knows none of the lexicon's words is refused.
        units = tuple(lexicon) if lexicon and unit == "word" else UNITS[unit]
        arpa = draw(arpas(unit, units))
        options["lm_weight"] = draw(hundredths(0, 300))
    if unit == "word" and lexicon is None:
        options["unknown_score"] = draw(hundredths(-500, 0))
    return Case(tokenizer, logits.log_softmax(dim=-1), unit, arpa, lexicon, options)


def hundredths(least: int, most: int) -> st.SearchStrategy[float]:
    return st.integers(least, most).map(lambda number: number / 100)


def decoded(decoder: Decoder, log_probs: Tensor) -> list[Hypothesis]:
    return decoder.decode(Padded(log_probs[None], torch.tensor([len(log_probs)])))[0]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(case=cases())
def test_finds_what_beam_finds(tmp_path: Path, case: Case) -> None:
    options: dict[str, Any] = dict(case.options)
    if case.lexicon is not None:
        options["lexicon"] = tmp_path / "lexicon.tsv"
        lines = [f"{word}\t{' '.join(word)}\n" for word in case.lexicon]
        options["lexicon"].write_text("".join(lines), encoding="utf-8")
    arpa = tmp_path / "lm.arpa"
    arpa.write_text(case.arpa, encoding="utf-8")
    ngram, kenlm = (NGram(arpa), KenLM(arpa)) if case.unit else (None, None)
    beam = Beam(case.tokenizer, language_model=ngram, **options, **COMPLETE)
    flashlight = Flashlight(case.tokenizer, language_model=kenlm, **options, **COMPLETE)

    expected = {one.text: one for one in decoded(beam, case.log_probs)}
    found = {one.text: one for one in decoded(flashlight, case.log_probs)}

    # The same best text, or one that is as good.
    best, reference = next(iter(found.values())), next(iter(expected.values()))
    assert best.score == pytest.approx(reference.score, abs=1e-4)
    assert expected[best.text].score == pytest.approx(reference.score, abs=1e-4)
    assert found.keys() == expected.keys()
    for text, one in found.items():
        other = expected[text]
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert one.acoustic_score == pytest.approx(other.acoustic_score, abs=1e-4)
        assert (one.language_score is None) == (other.language_score is None)
        if one.language_score is not None:
            assert one.language_score == pytest.approx(other.language_score, abs=1e-4)
