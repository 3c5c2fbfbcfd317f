"""ARPA files of any maker, and what is none."""

from __future__ import annotations

import gzip
import lzma
import math
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.components import UNKNOWN
from ds2kit.errors import UserError
from ds2kit.lm import arpa
from ds2kit.lm.arpa import is_arpa, read_arpa, read_unigrams, write_arpa
from ds2kit.lm.counts import number
from ds2kit.lm.kneser_ney import estimate
from ds2kit.lm.ngrams import LN_10, LOG_ZERO, NGrams

SRILM = """

\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-0.7781513\t</s>
-99\t<s>\t-0.30103
-0.4771213\ta\t-0.1760913
-0.7781513\tb\t-0.1760913
-inf\tzero

\\2-grams:
-0.30103\t<s> a
-0.4771213\ta b
-0.30103\tb </s>

\\end\\
"""
"""As SRILM writes: no <unk>, back-off weights only where there is a continuation, -inf."""

KENLM = """\\data\\
ngram 1=4
ngram 2=2

\\1-grams:
-1.2\t<unk>\t0
0\t<s>\t-0.30103
-0.4\t</s>\t0
-0.6\tschön\t-0.2

\\2-grams:
-0.2\t<s> schön
-0.3\tschön </s>

\\end\\
"""
"""As lmplz writes: every back-off weight, 0 for <s>."""

SPACES = "some words first\n" + KENLM.replace("\t", "  ").replace("<unk>", "<UNK>").replace(
    "\n\n", "\r\n\r\n"
)
"""Spaces for tabs, another maker's <UNK>, other ends of line, and text before the beginning."""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "lm.arpa"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def table(model: NGrams) -> dict[str, tuple[float, float]]:
    """Base-10 logarithms by n-gram, as a file has them."""
    found = {}
    for length, level in enumerate(model.levels, 1):
        rows = model.rows(length, 0, len(level)).tolist()
        for i, row in enumerate(rows):
            ngram = " ".join(model.units[unit] for unit in row)
            prob, backoff = float(level.log_probs[i]), float(level.log_backoffs[i])
            found[ngram] = (round(prob / LN_10, 4), round(backoff / LN_10, 4))
    return found


def test_a_file_of_srilm(tmp_path: Path) -> None:
    model = read_arpa(write(tmp_path, SRILM))

    assert table(model) == {
        "</s>": (-0.7782, 0.0),
        "<s>": (-99.0, -0.301),
        "a": (-0.4771, -0.1761),
        "b": (-0.7782, -0.1761),
        "zero": (-100.0, 0.0),
        UNKNOWN: (-100.0, 0.0),
        "<s> a": (-0.301, 0.0),
        "a b": (-0.4771, 0.0),
        "b </s>": (-0.301, 0.0),
    }
    assert model.unit is None
    assert model.levels[0].log_probs[-1] == pytest.approx(LOG_ZERO)


@pytest.mark.parametrize("text", [KENLM, SPACES])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_a_file_of_kenlm(text: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = write(tmp_path, pack(text.encode()))

    assert table(read_arpa(path)) == {
        UNKNOWN: (-1.2, 0.0),
        "<s>": (0.0, -0.301),
        "</s>": (-0.4, 0.0),
        "schön": (-0.6, -0.2),
        "<s> schön": (-0.2, 0.0),
        "schön </s>": (-0.3, 0.0),
    }
    assert is_arpa(path)


def test_the_units_alone(tmp_path: Path) -> None:
    """What is beyond the 1-grams is not looked at."""
    whole = read_arpa(write(tmp_path, SRILM))
    begin = SRILM[: SRILM.index("\\2-grams:")]

    units, order = read_unigrams(write(tmp_path, begin))

    assert (units.units, order) == (whole.units, whole.order)
    assert set(units.vocabulary) == set(whole.units) - {"<s>", "</s>", "<unk>"}
    assert units.levels[0].log_probs.tolist() == whole.levels[0].log_probs.tolist()


def test_our_first_line_names_the_unit(tmp_path: Path) -> None:
    model = estimate(number([["今", "天"]]), 2, "character").model

    write_arpa(tmp_path / "lm.arpa", model)

    text = (tmp_path / "lm.arpa").read_text(encoding="utf-8")
    assert text.startswith(
        "# ds2kit unit=character\n\\data\\\nngram 1=5\nngram 2=3\n\n\\1-grams:\n"
    )
    assert "\n-99\t<s>\t" in text
    assert text.endswith("\n\n\\end\\\n")
    assert read_arpa(tmp_path / "lm.arpa").unit == "character"


SENTENCES = st.lists(
    st.lists(st.sampled_from(["a", "b", "\u00a0", "é"]), max_size=5), min_size=1, max_size=9
)


@settings(max_examples=20)
@given(SENTENCES, st.integers(1, 4), st.sampled_from(["lm.arpa", "lm.arpa.gz"]), st.booleans())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    sentences: list[list[str]],
    order: int,
    name: str,
    in_pieces: bool,
) -> None:
    """The same n-grams and figures; twice the same bytes; whatever the pieces of reading."""
    model = estimate(number(sentences), order, "word").model
    folder = tmp_path_factory.mktemp("arpa")
    for sub in ("one", "two"):
        (folder / sub).mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(arpa, "ROWS", 2 if sub == "two" else 1 << 16)
            write_arpa(folder / sub / name, model)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arpa, "BLOCK", 64 if in_pieces else 1 << 20)
        read = read_arpa(folder / "one" / name)

    assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()
    assert (read.unit, read.units) == ("word", model.units)
    assert table(read).keys() == table(model).keys()
    for ngram, figures in table(model).items():
        assert table(read)[ngram] == pytest.approx(figures, abs=2e-4)


def damaged(*pairs: tuple[str, str]) -> str:
    text = SRILM
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def up_to(text: str) -> str:
    return SRILM[: SRILM.index(text)]


NOT_ARPA = {
    "empty": ("", "lm.arpa is empty; expected a language model as an ARPA file"),
    "a text": ("the cat sat\n", "lm.arpa has no line \\data\\"),
    "a binary": (b"mmap lm http://kheafield.com/code\0\0" + bytes(99), "has no line \\data\\"),
    "no counts": ("\\data\\\n\n\\1-grams:\n", "line 3: expected ngram 1= and a number"),
    "an order left out": (damaged(("ngram 2", "ngram 3")), "line 5: expected ngram 2=, found"),
    "a count of words": (damaged(("ngram 2=3", "ngram 2=three")), "expected \\1-grams:"),
    "too few": (damaged(("ngram 1=5", "ngram 1=4")), "line 12: expected \\2-grams: after as many"),
    "huge": (
        damaged(("ngram 1=5", "ngram 1=999999999999")),
        "line 13: expected one of 999999999999 1-grams, a logarithm, 1 units",
    ),
    "a field too many": (damaged(("a\t-0.17", "a x\t-0.17")), "line 10: expected one of 5 1-grams"),
    "no number": (damaged(("-0.4771213\ta\t", "-0.4x\ta\t")), "line 10: '-0.4x' is no logarithm"),
    "not a number": (damaged(("-0.1760913\n-0.7", "nan\n-0.7")), "line 10: 'nan' is no logarithm"),
    "above 0": (
        damaged(("-0.4771213\ta b", "0.4\ta b")),
        "line 16: a probability's logarithm is",
    ),
    "a unit twice": (damaged(("\tb\t", "\ta\t")), "line 11: 'a' is there twice"),
    "an n-gram twice": (damaged(("a b", "<s> a")), "line 16: '<s> a' is there twice"),
    "an unknown unit": (damaged(("a b", "a c")), "line 16: 'c' is not among the 1-grams"),
    "latin-1": (damaged(("zero", "böse")).encode("latin-1"), "line 12: 'b\\\\xf6se' is not UTF-8"),
    "no end": (damaged(("\\end\\", "")), "the file ends before the end; it is cut"),
    "more": (damaged(("\\end\\", "-1 a a")), "expected \\end\\"),
    "cut in a number": (up_to("1760913\n-inf"), "line 11: the file ends"),
    "cut before 2-grams": (up_to("\\2-"), "the file ends before the 2-grams; it is cut"),
    "cut amid 2-grams": (up_to("-0.4771213\ta b"), "ends after 1 of 3 2-grams; it is cut"),
    "a cut archive": (gzip.compress(SRILM.encode())[:-30], "is compressed, and cut or damaged"),
}


@pytest.mark.parametrize("what", NOT_ARPA)
def test_what_is_damaged_is_told_in_a_line(what: str, tmp_path: Path) -> None:
    text, told = NOT_ARPA[what]
    path = write(tmp_path, text)

    tracemalloc.start()
    with pytest.raises(UserError) as refused:
        read_arpa(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert told in str(refused.value)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)
    assert peak < 8e6  # whatever a header claims


def test_a_context_that_is_missing(tmp_path: Path) -> None:
    text = SRILM.replace("ngram 2=3\n", "ngram 2=3\nngram 3=1\n").replace(
        "\n\\end", "\n\\3-grams:\n-0.1 b b a\n\n\\end"
    )

    with pytest.raises(UserError, match="line 21: 'b b a' is there, and 'b b', its context, is"):
        read_arpa(write(tmp_path, text))


def test_a_line_without_end(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="line 1: the line is longer than 1048576 bytes"):
        read_arpa(write(tmp_path, gzip.compress(b"x" * (8 << 20))))


@pytest.mark.parametrize("cut", range(5, len(KENLM) - 7, 9))
def test_a_file_cut_anywhere_is_refused(cut: int, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        read_arpa(write(tmp_path, KENLM.encode()[:cut]))

    assert "\n" not in str(refused.value)


def test_rounding_above_a_probability_of_one(tmp_path: Path) -> None:
    model = read_arpa(write(tmp_path, KENLM.replace("-0.3\t", "1e-6\t")))

    assert max(math.exp(p) for p in model.levels[1].log_probs) == 1.0


def test_other_names_are_refused(tmp_path: Path) -> None:
    model = estimate(number([["a"]]), 2, "word").model
    for name in ("lm.arpa.xz", "lm.txt", "lm"):
        with pytest.raises(UserError, match=r"ends in no .arpa or .arpa.gz"):
            write_arpa(tmp_path / name, model)
    assert list(tmp_path.iterdir()) == []
