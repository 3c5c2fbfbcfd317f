"""Mandarin as syllables."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import Style, lazy_pinyin

from ds2kit.errors import UserError
from ds2kit.text import pinyin
from ds2kit.text.pinyin import reader, syllables

CHINESE = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), max_size=20)


@pytest.mark.parametrize(
    ("text", "with_tones", "without"),
    [
        ("你好", "ni3 hao3", "ni hao"),
        ("去银行", "qu4 yin2 hang2", "qu yin hang"),
        ("重要的重复", "zhong4 yao4 de5 chong2 fu4", "zhong yao de chong fu"),
        ("女儿绿", "nv3 er2 lv4", "nv er lv"),
        ("那儿", "na4 er2", "na er"),
        ("T恤 it's 3点半，好", "T xu4 it's 3 dian3 ban4 ， hao3", "T xu it's 3 dian ban ， hao"),
        ("hello  world", "hello world", "hello world"),
        ("〇", "ling2", "ling"),
        ("", "", ""),
    ],
)
def test_syllables(text: str, with_tones: str, without: str) -> None:
    assert syllables(text, tones=True) == with_tones.split()
    assert syllables(text, tones=False) == without.split()


@given(text=CHINESE)
def test_a_character_is_a_syllable_however_it_is_spaced(text: str) -> None:
    for tones in (True, False):
        found = syllables(text, tones=tones)
        assert len(found) == len(text)
        assert syllables(" ".join(text), tones=tones) == found


@given(text=CHINESE)
def test_without_tones_is_as_pypinyin_writes_it_so(text: str) -> None:
    expected = lazy_pinyin(text, style=Style.NORMAL)

    assert syllables(text, tones=False) == expected


def test_characters_without_a_reading_stand_for_themselves() -> None:
    for pair in ("\U00020bb7\U00020bb8", "\U000323ae\U000323af"):
        assert syllables(pair, tones=False) == list(pair)


def test_without_pypinyin_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setitem(sys.modules, "pypinyin", None)
    monkeypatch.setattr("importlib.metadata.version", missing)
    pinyin._read.cache_clear()

    for use in (lambda: syllables("好", tones=True), reader):
        with pytest.raises(UserError, match=r"pip install 'ds2kit\[pinyin\]'"):
            use()


def test_names_whose_readings_they_are() -> None:
    assert reader() == f"pypinyin {version('pypinyin')}"


def test_pypinyin_is_imported_only_where_it_is_wanted() -> None:
    code = "import sys, ds2kit.text.pinyin; sys.exit('pypinyin' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
