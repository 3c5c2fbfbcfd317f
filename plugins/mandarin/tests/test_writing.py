"""One way to write what was said: forms, spaces, punctuation, options."""

from __future__ import annotations

import pytest
from ds2kit_mandarin import writing
from ds2kit_mandarin.writing import Writing, fold_spaces
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("今 天 天气", "今天天气"),
        ("我 love 你", "我love你"),
        ("  machine\u3000learning  ", "machine learning"),
        ("用 machine  learning 做", "用machine learning做"),
        ("OK\n好", "OK好"),
        ("한국 사람", "한국 사람"),
        ("𠮷 a 㐂", "𠮷a㐂"),
        ("", ""),
    ],
)
def test_spaces_stand_between_roman_words_only(text: str, folded: str) -> None:
    assert fold_spaces(text) == folded


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("ＧＤＰ增长２％", "GDP增长百分之二"),
        ("２０２３年5月1日，气温－5℃。", "二零二三年五月一日气温负五摄氏度"),
        ("花了¥12.5买了1/2斤", "花了十二点五元买了二分之一斤"),
        ("我 love 你， machine learning", "我love你machine learning"),
        ("《红楼梦》、乔治·布什……好的～", "红楼梦乔治布什好的"),
        ("don’t stop, rock 'n' roll", "don't stop rock n roll"),
        ("你'好", "你好"),
        ("Cafe\u0301", "Café"),
        ("か゛", "が"),
    ],
)
def test_by_default(text: str, written: str) -> None:
    assert Writing().normalised(text) == written


def test_each_option() -> None:
    assert Writing(spoken=False).normalised("第2季, ok") == "第2季ok"
    assert Writing(punctuation=True).normalised("你好，世界 3.5！") == "你好,世界三点五!"
    assert Writing(lowercase=True).normalised("ＩＳＯ和İ") == "iso和i̇"
    assert Writing(simplified=True).normalised("這裡有3個人，頭髮") == "这里有三个人头发"
    assert Writing().normalised("這裡") == "這裡"


OPTIONS = st.builds(Writing, st.booleans(), st.booleans(), st.booleans(), st.booleans())
SYMBOLS = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from("0123456789.,:/-%¥½²万亿年月日點個裡乾著 '~a゛\u0308"),
)


@settings(deadline=None)
@given(st.text(SYMBOLS, max_size=20), OPTIONS)
def test_what_is_written_stays(text: str, options: Writing) -> None:
    once = options.normalised(text)
    assert options.normalised(once) == once


def test_a_text_that_never_comes_to_rest_is_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "spoken", lambda text: text + "一")
    restless = Writing(lowercase=True)

    assert restless.normalised("Ａ 好") == "a好"
    assert restless.normalised("a好") == "a好"
