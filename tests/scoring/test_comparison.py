"""Two systems on the same utterances."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from ds2kit.errors import UserError
from ds2kit.scoring.comparison import compare
from ds2kit.scoring.interval import Interval
from ds2kit.scoring.report import report
from ds2kit.scoring.rows import Row
from ds2kit.scoring.trn import trn, write_trn
from ds2kit.text.normalise import prepared

SAID = ["one two three", "four five", "six", "seven eight nine oh"]
FIRST = ["one too three", "four", "sick", "seven eight nine oh"]
SECOND = ["one two three", "four five", "six", "seven ate nine"]


def rows(heard: list[str], said: list[str] = SAID) -> list[Row]:
    return [Row(f"k{i}", *both) for i, both in enumerate(zip(said, heard, strict=True))]


def test_rates_are_those_of_the_reports_and_their_difference() -> None:
    made = compare(rows(FIRST), rows(SECOND))

    for name, rate in report(rows(FIRST)).rates.items():
        assert made.differences[name].first == rate
        assert made.differences[name].second == report(rows(SECOND)).rates[name]
    assert made.leading.absolute == pytest.approx(2 / 10 - 3 / 10)
    assert made.leading.relative == pytest.approx(-1 / 3)
    assert (made.unit, made.utterances, made.better, made.worse) == ("word", 4, 3, 1)


def test_p_is_the_share_of_all_exchanges_written_out() -> None:
    made = compare(rows(FIRST), rows(SECOND))

    apart = [-1, -1, -1, 2]
    sums = [
        sum(sign * one for sign, one in zip(signs, apart, strict=True))
        for signs in product((1, -1), repeat=4)
    ]
    assert made.leading.p == pytest.approx(np.mean([abs(one) >= 1 for one in sums]))


def test_exchanging_the_two_turns_the_difference_round() -> None:
    forth, back = compare(rows(FIRST), rows(SECOND)), compare(rows(SECOND), rows(FIRST))

    for name, difference in forth.differences.items():
        assert back.differences[name].absolute == -difference.absolute
        assert back.differences[name].p == pytest.approx(difference.p)
    assert (back.better, back.worse) == (forth.worse, forth.better)


def test_two_that_hear_the_same_do_not_differ() -> None:
    made = compare(rows(FIRST), rows(FIRST))

    assert made.leading.interval == Interval(0, 0)
    assert (made.leading.absolute, made.leading.p) == (0, 1)


def test_the_order_of_the_second_does_not_matter() -> None:
    assert compare(rows(FIRST), rows(SECOND)[::-1]) == compare(rows(FIRST), rows(SECOND))


def test_speakers_are_exchanged_from_ten_up() -> None:
    said = ["a b c d"] * 40
    heard = ["a b c d" if i % 2 else "a b c" for i in range(40)]
    first = [
        Row(f"k{i}", *both, f"s{i % 10}") for i, both in enumerate(zip(said, heard, strict=True))
    ]
    second = [row._replace(hypothesis=row.reference) for row in first]

    made = compare(first, second)

    # Five speakers of ten are better, each by four errors; a sum of all is one way of 2 ** 5.
    assert made.paired_by == "speaker"
    assert made.leading.p == pytest.approx(2 / 2**5)
    assert compare(first[:36:4], second[:36:4]).paired_by == "utterance"


def test_syllables_are_compared_where_they_are_asked_for() -> None:
    first, second = rows(["好吗", "再"], ["好马", "在"]), rows(["号马", "宰"], ["好马", "在"])

    made = compare(first, second, pinyin=True)

    assert made.unit == "character"
    assert made.leading.absolute == 0
    assert made.differences["pinyin_without_tones"].absolute == 0
    assert made.differences["pinyin_with_tones"].second.score.errors == 2
    assert made.differences["pinyin_with_tones"].first.score.errors == 1
    assert "pinyin_with_tones" in made.to_json()


def test_json_names_what_a_program_reads() -> None:
    loaded = json.loads(json.dumps(compare(rows(FIRST), rows(SECOND)).to_json(), allow_nan=False))

    assert loaded["wer"]["difference"] == pytest.approx(-0.1)
    assert loaded["wer"]["first"]["errors"] == 3
    assert loaded["wer"]["low"] <= -0.1 <= loaded["wer"]["high"]
    assert (loaded["better"], loaded["worse"], loaded["utterances"]) == (3, 1, 4)
    assert loaded["interval"] == {"percent": 95, "by": "utterance", "resamples": 10_000}
    assert loaded["test"] == {"name": "exact paired randomisation, two-sided", "by": "utterance"}


def test_json_is_json_where_nothing_was_to_be_said() -> None:
    said = ["", ""]
    made = compare(rows(["oh", ""], said), rows(["", ""], said))

    loaded = json.loads(json.dumps(made.to_json(), allow_nan=False))["wer"]
    assert (loaded["difference"], loaded["relative"], loaded["low"]) == (None, None, None)
    assert loaded["p"] == 1


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        (rows(FIRST), rows(SECOND)[1:], r"utterances of the first only: 1 \(k0\); .* decode the"),
        (rows(FIRST)[:1], rows(SECOND), r"of the second only: 3 \(k1, k2, k3\)"),
        (
            rows(FIRST),
            rows(SECOND, ["one", *SAID[1:]]),
            r"utterances whose references differ: 1 \(k0\); .* choose a normaliser",
        ),
        ([], [], "nothing to compare"),
    ],
)
def test_other_utterances_are_refused(first: list[Row], second: list[Row], problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        compare(first, second)


def test_references_need_to_agree_only_when_normalised() -> None:
    second = rows(SECOND, ["One, two three!", *SAID[1:]])

    assert compare(rows(FIRST), second, "plain").better == 3


def misheard(said: list[str], rate: float, seed: int) -> list[str]:
    """The texts with so many of their words replaced, left out, or doubled."""
    draw = random.Random(seed)
    ways = (lambda word: ["x"], lambda word: [], lambda word: [word, word])
    return [
        " ".join(
            heard
            for word in text.split()
            for heard in (draw.choice(ways)(word) if draw.random() < rate else [word])
        )
        for text in said
    ]


@pytest.mark.skipif(shutil.which("sctk") is None, reason="sc_stats is in Debian's package sctk")
@pytest.mark.parametrize("rate", [0.2, 0.23, 0.25])
def test_nists_matched_pairs_say_the_same(tmp_path: Path, rate: float) -> None:
    draw = random.Random(0)
    said = [" ".join(draw.choices("abcdefghij", k=draw.randint(5, 30))) for _ in range(200)]
    systems = rows(misheard(said, 0.2, 1), said), rows(misheard(said, rate, 2), said)
    for name, system in zip("ab", systems, strict=True):
        write_trn(tmp_path, trn(system, prepared, "word"))
        (tmp_path / "hyp.trn").rename(tmp_path / f"{name}.trn")
        command = f"sctk sclite -r ref.trn trn -h {name}.trn trn {name} -i rm -s -e utf-8 -o sgml"
        subprocess.run(command.split(), cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    alignments = b"".join((tmp_path / f"{name}.trn.sgml").read_bytes() for name in "ab")
    subprocess.run(
        ["sctk", "sc_stats", "-p", "-t", "mapsswe", "-u", "-n", "found"],
        input=alignments,
        cwd=tmp_path,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    table = (tmp_path / "found.stats.unified").read_text()
    theirs = re.search(r"MP +\|\| +a +\| +\| +\S+ +<?([0-9.]+)", table)
    assert theirs, table

    ours = compare(*systems, resamples=10).leading.p

    assert ours == pytest.approx(float(theirs[1]), abs=0.05)
