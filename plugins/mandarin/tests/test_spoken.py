"""What is written in digits, as it is read."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from ds2kit_mandarin.spoken import spelled_signs, spoken
from hypothesis import given, settings
from hypothesis import strategies as st

CORPORA = Path(
    os.environ.get("DS2KIT_CORPORA", Path(__file__).resolve().parents[4] / "shared" / "corpora")
)
CATEGORIES = {"cardinal", "number", "decimal", "fraction", "date", "time", "money"}


def read(text: str) -> str:
    return spoken(unicodedata.normalize("NFKC", spelled_signs(text)))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2008年8月8日", "二零零八年八月八日"),
        ("现在是2:02", "现在是两点零二分"),
        ("100.25", "一百点二五"),
        ("¥1.25", "一点二五元"),
        ("3/16", "十六分之三"),
        ("25%", "百分之二十五"),
        ("25℃", "二十五摄氏度"),
        ("5㎡", "五平方米"),
        ("尾号1702", "尾号幺七零二"),
        ("200", "两百"),
        ("6号", "六号"),
    ],
)
def test_follows_the_convention_of_wetext(written: str, said: str) -> None:
    assert read(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("½", "二分之一"),
        ("1½", "一又二分之一"),
        ("10²", "十的二次方"),
        ("2¹⁰", "二的十次方"),
        ("1,000,000元", "一百万元"),
        ("12,345.67", "一万二千三百四十五点六七"),
        ("1,2,3", "一, 二, 三"),
        ("到2010,200人", "到两千零一十, 两百人"),
        ("$1.5万", "一点五万美元"),
        ("₩100", "一百韩元"),
        ("$5", "五美元"),
        ("-1/3", "负三分之一"),
        ("(-5)", "(负五)"),
        ("−5℃", "负五摄氏度"),
        ("-百分之1", "负百分之一"),
        ("3-5天", "三到五天"),
        ("3–5天", "三到五天"),
        ("5元-10元", "五元到十元"),
        ("10%-20%", "百分之十到百分之二十"),
        ("GPT-4", "GPT 四"),
        ("2015年08月08号", "二零一五年八月八号"),
        ("10月10日", "十月十日"),
        ("2分之1", "二分之一"),
        ("12分之2", "十二分之二"),
    ],
)
def test_mends_what_wetext_misreads(written: str, said: str) -> None:
    assert read(written) == said


def test_what_wetext_would_spoil_comes_through() -> None:
    assert read('他说"1" \\2; a\0 3。') == '他说"一" \\二; a\0 三。'
    assert spoken("\ud8005") == "\ud800五"


@settings(deadline=None)
@given(st.text('零一二个我 ,。"\\-/¥½²é😀\u0301', max_size=30))
def test_without_digits_nothing_changes(text: str) -> None:
    assert spoken(text) == text


@settings(deadline=None)
@given(st.text('0123456789.,:/-+%$¥年月日点分秒亿a K"\\。', max_size=20))
def test_no_digit_is_left_and_nothing_changes_any_more(text: str) -> None:
    once = read(text)
    assert not set("0123456789") & set(once)
    assert read(once) == once


def test_the_cases_of_two_toolkits() -> None:
    """Measured: `python benchmarks/spoken.py` prints the same beside wetext and cn2an."""
    path = CORPORA / "text_normalization" / "cases.tsv"
    if not path.is_file():
        pytest.skip(f"{path} is not there; set DS2KIT_CORPORA")
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")[1:] if line]
    cases = [row[2:] for row in rows if row[0] == "tn" and row[1] in CATEGORIES]
    passed = Counter(source for written, said, source in cases if read(written) == said)

    assert Counter(source for _, _, source in cases) == {"wetext": 60, "nemo": 207}
    assert (passed["wetext"], passed["nemo"]) == (59, 170)
