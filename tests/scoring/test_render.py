"""The report as text."""

from __future__ import annotations

import pytest

from ds2kit.scoring.comparison import compare
from ds2kit.scoring.render import render, render_comparison
from ds2kit.scoring.report import report
from ds2kit.scoring.rows import Row
from ds2kit.scoring.slices import Slicing


def test_text_of_a_report() -> None:
    rows = [Row("a", "one two", "one too", "ann"), Row("b", "six", "six", "bob")]

    text = render(report(rows))

    assert text.startswith("2 utterances, 3 words, 2 speakers; normaliser: prepared\n")
    wer, with_spaces, without_spaces = text.splitlines()[3:6]
    assert wer.split() == ["WER", "33.33", "0.00", "to", "50.00", "1", "1", "0", "0", "3"]
    assert with_spaces.split()[:4] == ["CER", "with", "spaces", "10.00"]
    assert without_spaces.split()[:4] == ["CER", "without", "spaces", "11.11"]
    assert "10,000 resamples by utterance" in text
    assert "1 x two > too" in text


def test_columns_are_aligned_whatever_the_width_of_the_symbols() -> None:
    rows = [Row(str(i), "好", "号", name) for i, name in enumerate(["王小明", "b", "li"])]

    lines = render(report(rows)).splitlines()
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("speaker")) :][:4]

    # A Chinese character takes two columns of a terminal.
    assert {len(line) + 3 * ("王" in line) for line in table} == {len(table[0])}


def test_one_cer_where_both_are_the_same_and_it_leads() -> None:
    lines = render(report([Row("a", "今天", "今天"), Row("b", "很好", "很号")])).splitlines()

    assert lines[0].startswith("2 utterances, 4 characters;")
    assert lines[3].startswith("CER  ")
    assert lines[4].startswith("WER  ")
    assert any(line.startswith("CER leads") for line in lines)


def test_cer_without_spaces_is_the_first_line_where_the_character_leads() -> None:
    lines = render(report([Row("a", "今天", "今 天")])).splitlines()

    assert [line[:8].strip() for line in lines[3:6]] == ["CER with", "CER with", "WER"]
    assert lines[3].split()[:4] == ["CER", "without", "spaces", "0.00"]


def test_nothing_confused_says_nothing_of_confusions() -> None:
    assert "substituted" not in render(report([Row("a", "one", "one"), Row("b", "two", "two")]))


def test_a_rate_that_is_none_is_a_dash() -> None:
    wer = render(report([Row("a", "", "oh")])).splitlines()[3]

    assert wer.split() == ["WER", "-", "-", "1", "0", "0", "1", "0"]


def test_many_speakers_are_cut_with_their_number() -> None:
    text = render(report([Row(str(i), "a", "a", f"s{i:02d}") for i in range(25)], resamples=10))

    assert "(and 5 more, heard better)" in text
    assert "s19" in text
    assert "s20" not in text


def test_slices_are_a_table_each() -> None:
    rows = [Row("a", "one two", "one too", "ann"), Row("b", "six", "six", "bob")]
    by_length = Slicing("seconds", (("1", (0,)), ("2 to 3", (1,))), ordered=True)
    by_accent = Slicing("accent", (("", (0, 1)),), ordered=False)

    lines = render(report(rows, slicings=[by_length, by_accent])).splitlines()

    [first] = [at for at, line in enumerate(lines) if line.startswith("by seconds")]
    assert lines[first].split()[:5] == ["by", "seconds", "utterances", "WER", "%"]
    assert lines[first + 1].split() == ["1", "1", "50.00", "-", "1", "1", "0", "0", "2"]
    assert lines[first + 2].split() == ["2", "to", "3", "1", "0.00", "-", "0", "0", "0", "0", "1"]
    assert lines[first + 4].startswith("by accent")
    assert lines[first + 5].split()[:6] == ["(empty)", "2", "33.33", "0.00", "to", "50.00"]
    assert any(line.startswith("speaker") for line in lines)


def test_many_values_are_cut_and_speakers_stand_once() -> None:
    rows = [Row(str(i), "a", "a", f"s{i:02d}") for i in range(25)]
    each = tuple((row.speaker, (i,)) for i, row in enumerate(rows))

    text = render(report(rows, slicings=[Slicing("speaker", each, ordered=False)], resamples=10))

    assert text.count("(and 5 more, heard better)") == 1
    assert text.count("s19") == 1


def test_syllables_stand_after_the_characters() -> None:
    text = render(report([Row("a", "你好", "你号"), Row("b", "好", "好")], pinyin=True))

    titles = [line.split("  ")[0] for line in text.splitlines()[3:7]]
    assert titles == ["CER", "pinyin with tones", "pinyin without tones", "WER"]
    assert "Syllables are read by pypinyin " in text
    assert "Syllables" not in render(report([Row("a", "你好", "你号")]))


FIRST = [Row(f"k{i}", "one two", "one too" if i % 2 else "one two") for i in range(20)]
SECOND = [row._replace(hypothesis="one two") for row in FIRST]


def test_text_of_a_comparison() -> None:
    lines = render_comparison(compare(FIRST, SECOND), "work/a", "work/b").splitlines()

    assert lines[0] == "20 utterances; normaliser: prepared"
    assert lines[2:4] == ["A: work/a", "B: work/b"]
    wer = lines[6].split()
    assert wer[:4] == ["WER", "25.00", "0.00", "-25.00"]
    assert wer[-2:] == ["-100.00", "0.0020"]
    assert "B has fewer errors in 10 utterances, more in 0, as many in 10." in lines
    assert lines[-1] == "WER: B is better (p = 0.0020)."


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (SECOND, FIRST, "WER: A is better (p = 0.0020)."),
        (SECOND[:9], FIRST[:9], "WER: no difference is shown, so much may be chance (p = 0.1250)."),
        (FIRST, FIRST, "WER: no difference is shown, so much may be chance (p = 1.0000)."),
        (FIRST * 3, SECOND * 3, "WER: B is better (p < 0.0001)."),
    ],
)
def test_the_verdict_goes_by_p(first: list[Row], second: list[Row], verdict: str) -> None:
    first, second = (
        [row._replace(key=str(i)) for i, row in enumerate(rows)] for rows in (first, second)
    )

    assert render_comparison(compare(first, second), "a", "b").splitlines()[-1] == verdict


def test_a_comparison_without_units_has_dashes() -> None:
    silent = [Row("a", "", "oh"), Row("b", "", "")]
    text = render_comparison(compare(silent, [row._replace(hypothesis="") for row in silent]), 1, 2)

    assert text.splitlines()[6].split() == ["WER", "-", "0.00", "-", "-", "-", "1.0000"]
