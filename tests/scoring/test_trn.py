"""Transcripts for sclite, and that sclite counts what we count."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.errors import UserError
from ds2kit.scoring.report import report
from ds2kit.scoring.rows import Row
from ds2kit.scoring.trn import trn, write_trn
from ds2kit.text.normalise import plain, prepared
from ds2kit.types import Score

needs_sclite = pytest.mark.skipif(
    shutil.which("sctk") is None, reason="sclite is not there; Debian's package is sctk"
)


def sclite(folder: Path) -> Score:
    """What sclite counts, by the command of docs/scoring.md."""
    files = ["-r", folder / "ref.trn", "trn", "-h", folder / "hyp.trn", "trn"]
    done = subprocess.run(
        ["sctk", "sclite", *files, "-i", "rm", "-s", "-e", "utf-8", "-o", "rsum", "stdout"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"\| +Sum +\|((?: +\d+)+) +\|((?: +\d+)+) +\|", done.stdout)
    assert found, done.stdout
    _, units = map(int, found[1].split())
    _, substitutions, deletions, insertions, _, _ = map(int, found[2].split())
    return Score(substitutions, deletions, insertions, units)


def written(rows: list[Row], folder: Path) -> Score:
    """Write the transcripts; the score is ours."""
    made = report(rows, resamples=10)
    write_trn(folder, trn(rows, prepared, made.unit))
    return made.leading.score


def test_a_line_has_the_units_and_the_id() -> None:
    rows = [Row("b/c.d", "One,  two", "one", "ann"), Row("e", "", "", "")]

    assert trn(rows, prepared, "word") == (
        "One, two (ann-b/c.d)\n (unknown-e)\n",
        "one (ann-b/c.d)\n (unknown-e)\n",
    )
    assert trn(rows, plain, "word")[0].startswith("one two (")


def test_characters_are_words_to_sclite_where_they_lead() -> None:
    assert trn([Row("a", "今天 ok", "今天")], prepared, "character")[0] == "今 天 o k (unknown-a)\n"


def test_what_an_id_cannot_hold_is_escaped() -> None:
    rows = [Row("a (1)-b", "", "", "li-王"), Row("a%20(1)-b", "", "", "li%2D王")]

    first, second = trn(rows, prepared, "word")[0].splitlines()

    assert first == " (li%2D%E7%8E%8B-a%20%281%29-b)"
    assert second == " (li%252D%E7%8E%8B-a%2520%281%29-b)"


@pytest.mark.parametrize(
    "text", ["a {b", "} a", "a{b", "x @ y", ";; a", "** a", "a;", "a b;c", "a ;b", "a ;; **"]
)
def test_signs_of_sclites_are_refused(text: str) -> None:
    for row in (Row("k", text, ""), Row("k", "", text)):
        with pytest.raises(UserError, match=r"'k' has .*, which sclite .* --normaliser plain"):
            trn([row], prepared, "word")
        trn([row], plain, "word")


@pytest.mark.parametrize("text", ["a ; **", "a@b", "; *", "(uh) a- <b> / \\ % é 好"])
def test_other_signs_are_not(text: str) -> None:
    trn([Row("k", text, text)], prepared, "word")


SYMBOLS = "aabbcde好é .,'()<>/\\-%&#@*;"


@needs_sclite
@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.text(SYMBOLS, max_size=24), st.text(SYMBOLS, max_size=24)),
        min_size=1,
        max_size=12,
    )
)
def test_sclite_counts_the_same_on_drawn_texts(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, str]]
) -> None:
    signs = re.compile(r"(^|(?<= ))@(?= |$)|^ *\*\*|(?<=[^ ]);+|;+(?=[^ ])")
    if any("好" in text for pair in drawn for text in pair):
        signs = re.compile(signs.pattern + "|@")  # where characters lead, each stands alone
    rows = [
        Row(f"k-{i}/{i}.x", signs.sub("s", said), signs.sub("s", heard), "s_1")
        for i, (said, heard) in enumerate(drawn)
    ]
    folder = tmp_path_factory.mktemp("trn")
    ours = written(rows, folder)

    theirs = sclite(folder)

    assert theirs.units == ours.units
    # sclite weighs a substitution 4 and the others 3: seldom one edit more is cheaper so.
    costs = [4 * s.substitutions + 3 * (s.deletions + s.insertions) for s in (theirs, ours)]
    assert theirs == ours or (costs[0] < costs[1] and theirs.errors > ours.errors)


@needs_sclite
def test_sclite_counts_the_same_where_alignments_are_many(tmp_path: Path) -> None:
    rows = [
        Row("a-1", "a b c d e f", "b c x e g f h", "ann"),
        Row("a-2", "", "a b", "ann"),
        Row("B", "a b", "", "bob"),
        Row("b", "", "", "bob"),
    ]

    assert written(rows, tmp_path) == sclite(tmp_path)
