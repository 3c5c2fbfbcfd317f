"""The report as text."""

from __future__ import annotations

from ds2kit.scoring.render import render
from ds2kit.scoring.report import Row, report


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
