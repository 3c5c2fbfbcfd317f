"""The report of a scored split."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.errors import UserError
from ds2kit.scoring.align import Edit
from ds2kit.scoring.report import Confusion, report
from ds2kit.scoring.rows import Row
from ds2kit.scoring.slices import Slicing
from ds2kit.types import Score

ROWS = [
    Row("a", "one two three", "one too three", "ann"),
    Row("b", "four", "for four", "ann"),
    Row("c", "five six", "five", "bob"),
    Row("d", "seven", "seven", "bob"),
]


def test_errors_and_words_are_summed_over_the_utterances() -> None:
    made = report(ROWS)

    assert made.words.score == Score(1, 1, 1, 7)
    assert made.leading.score.rate == pytest.approx(3 / 7)
    assert (made.utterances, made.sentences_wrong, made.unit) == (4, 3, "word")
    assert (made.normaliser, made.resampled_by) == ("prepared", "utterance")
    assert made.words.interval
    assert made.words.interval.low <= 3 / 7 <= made.words.interval.high


def test_cer_is_named_both_ways() -> None:
    made = report([Row("a", "ab c", "abc")])

    assert made.rates["cer_with_spaces"].score == Score(0, 1, 0, 4)
    assert made.rates["cer_without_spaces"].score == Score(0, 0, 0, 3)


def test_speakers_are_summed_and_the_worst_comes_first() -> None:
    made = report([*ROWS, Row("e", "x", "y")])

    assert [speaker.name for speaker in made.speakers] == ["ann", "bob"]
    assert made.speakers[0].words == Score(1, 0, 1, 4)
    assert made.speakers[1].words == Score(0, 1, 0, 3)
    assert made.speakers[1].utterances == 2


def test_ten_speakers_are_resampled() -> None:
    made = report([Row(str(i), "a b", "a b" if i % 3 else "a", f"s{i % 10}") for i in range(40)])

    assert made.resampled_by == "speaker"


def test_frequent_confusions_come_first() -> None:
    rows = [Row(str(i), "nine", "five") for i in range(3)]
    rows += [Row("x", "one oh", "one"), Row("y", "two", "uh two"), Row("z", "six", "sick")]

    made = report(rows)

    assert made.substitutions == (
        Confusion(Edit("nine", "five"), 3),
        Confusion(Edit("six", "sick"), 1),
    )
    assert made.deletions == (Confusion(Edit("oh", ""), 1),)
    assert made.insertions == (Confusion(Edit("", "uh"), 1),)


def test_the_character_leads_where_the_script_has_no_spaces() -> None:
    made = report([Row("a", "今天天气", "今天 天汽"), Row("b", "很好", " 很 好")])

    assert made.unit == "character"
    assert made.leading.score == Score(1, 0, 0, 6)
    assert made.substitutions == (Confusion(Edit("气", "汽"), 1),)
    assert made.sentences_wrong == 1


def test_the_normaliser_goes_over_both_sides() -> None:
    rows = [Row("a", "Well-known, it's.", "well known it’s")]

    assert report(rows, "prepared").words.score.errors > 0
    assert report(rows, "plain").words.score == Score(0, 0, 0, 3)
    assert report(rows, "plain").normaliser == "plain"


def test_json_is_json_even_where_a_rate_has_no_units() -> None:
    made = report([Row("a", "", "oh", "ann"), Row("b", "", "", "bob")])
    loaded = json.loads(json.dumps(made.to_json(), allow_nan=False))

    assert loaded["wer"]["rate"] is None
    assert loaded["wer"]["low"] is None
    assert loaded["wer"]["insertions"] == 1
    assert loaded["sentence_error_rate"] == 0.5


def test_json_names_what_a_program_reads() -> None:
    loaded = report(ROWS).to_json()

    assert loaded["wer"]["rate"] == pytest.approx(3 / 7)
    assert loaded["wer"]["units"] == 7
    assert loaded["interval"] == {"percent": 95, "by": "utterance", "resamples": 10_000}
    assert loaded["substitutions"] == [["two", "too", 1]]
    assert loaded["speakers"][0]["speaker"] == "ann"
    assert (loaded["slices"], loaded["pinyin"]) == ({}, None)
    assert "pinyin_with_tones" not in loaded


def test_syllables_are_counted_beside_characters() -> None:
    made = report([Row("a", "银行在哪", "银航在拿"), Row("b", "妈妈", "马 妈")], pinyin=True)

    # 行 is hang2 beside 银, as 航 is; 哪 and 拿 are na3 and na2, 妈 and 马 ma1 and ma3.
    assert made.rates["cer_without_spaces"].score == Score(3, 0, 0, 6)
    assert made.rates["pinyin_with_tones"].score == Score(2, 0, 0, 6)
    assert made.rates["pinyin_without_tones"].score == Score(0, 0, 0, 6)
    assert made.leading == made.rates["cer_without_spaces"]
    assert made.to_json()["pinyin"].startswith("pypinyin ")


SLICING = Slicing("place", (("north", (0, 1)), ("south", (2, 3))), ordered=False)


def test_a_slice_has_the_rates_of_a_report_of_its_own() -> None:
    made = report(ROWS, slicings=[SLICING])

    assert list(made.slices) == ["place"]
    for found, own in zip(made.slices["place"], (ROWS[:2], ROWS[2:]), strict=True):
        assert found.rates == report(own).rates
        assert (found.utterances, found.resampled_by) == (2, "utterance")
    assert made.rates == report(ROWS).rates


def test_the_slice_heard_worst_comes_first_but_where_numbers_are_in_order() -> None:
    rows = [Row("a", "one", "one"), Row("b", "two", "too"), Row("c", "six", "six")]
    groups = (("x", (0,)), ("y", (1,)), ("z", (2,)))

    made = report(rows, slicings=[Slicing("p", groups, False), Slicing("q", groups, True)])

    assert [one.value for one in made.slices["p"]] == ["y", "x", "z"]
    assert [one.value for one in made.slices["q"]] == ["x", "y", "z"]


def test_json_of_a_slice() -> None:
    [north, south] = report(ROWS, slicings=[SLICING]).to_json()["slices"]["place"]

    assert (north["value"], north["utterances"], north["resampled_by"]) == ("north", 2, "utterance")
    assert (north["wer"]["errors"], north["wer"]["units"]) == (2, 4)
    assert south["cer_without_spaces"]["low"] is not None


@given(
    st.lists(
        st.tuples(st.text("ab ", max_size=9), st.text("ab ", max_size=9), st.sampled_from("xyz")),
        min_size=1,
        max_size=8,
    )
)
def test_sums_agree(drawn: list[tuple[str, str, str]]) -> None:
    rows = [Row(str(i), *one) for i, one in enumerate(drawn)]
    made = report(rows, resamples=10)

    assert made.words.score.units == sum(len(row.reference.split()) for row in rows)
    assert sum((one.words for one in made.speakers), Score(0, 0, 0, 0)) == made.words.score
    assert sum(one.count for one in made.substitutions) == made.words.score.substitutions
    assert sum(one.count for one in made.deletions) == made.words.score.deletions
    assert sum(one.count for one in made.insertions) == made.words.score.insertions


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(UserError, match="no utterances"):
        report([])
