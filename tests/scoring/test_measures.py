"""What can be counted."""

from __future__ import annotations

import pytest

from ds2kit.scoring.measures import LEADING, measures


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("wer", ["你好", "ok"]),
        ("cer_with_spaces", ["你", "好", " ", "o", "k"]),
        ("cer_without_spaces", ["你", "好", "o", "k"]),
        ("pinyin_with_tones", ["ni3", "hao3", "ok"]),
        ("pinyin_without_tones", ["ni", "hao", "ok"]),
    ],
)
def test_units_of_a_text(name: str, units: list[str]) -> None:
    [measure] = [one for one in measures(pinyin=True) if one.name == name]

    assert measure.units("你好 ok") == units


def test_what_leads_is_always_counted() -> None:
    assert set(LEADING.values()) < set(measures()) < set(measures(pinyin=True))
