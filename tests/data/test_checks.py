"""What cannot be learned from is found from the index alone, counted and named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ds2kit.data.checks import Report, alignable, check_training, needed_frames
from ds2kit.data.index import SCHEMA, Index
from ds2kit.errors import UserError
from ds2kit.text.char import Char

RATE = 100


def index_of(rows: Sequence[tuple[str, str, float]]) -> Index:
    """An index of (key, text, seconds); there is no sound behind it."""
    columns: dict[str, Any] = {
        "key": [key for key, _, _ in rows],
        "text": [text for _, text, _ in rows],
        "samples": [round(seconds * RATE) for _, _, seconds in rows],
        "sample_rate": [RATE] * len(rows),
        "shard": ["000000.tar"] * len(rows),
        "speaker": [""] * len(rows),
    } | {name: [0] * len(rows) for name in ("offset", "bytes", "crc32")}
    return Index(Path("data/train"), pa.table(columns, schema=SCHEMA))


def frames_of(samples: Tensor) -> Tensor:
    """A frame for every 10 samples: 10 frames a second."""
    return samples // 10


def check(
    index: Index,
    on_bad: Literal["refuse", "skip"] = "skip",
    speeds: Sequence[float] = (1.0,),
    max_seconds: float = 20.0,
    seconds_per_step: float = 100.0,
) -> Report:
    return check_training(
        index,
        Char("abc "),
        frames_of,
        sample_rate=RATE,
        speeds=speeds,
        seconds_per_step=seconds_per_step,
        min_seconds=0.1,
        max_seconds=max_seconds,
        on_bad=on_bad,
    )


def test_equal_neighbours_need_a_frame_between_them() -> None:
    assert not alignable(2, [1, 1])
    assert alignable(3, [1, 1])
    assert alignable(2, [1, 2])
    assert needed_frames([]) == 0
    assert needed_frames([1, 1, 1, 2, 1]) == 7


@given(ids=st.lists(st.integers(1, 3), min_size=1, max_size=8), frames=st.integers(1, 16))
def test_alignable_is_what_the_loss_says(ids: list[int], frames: int) -> None:
    loss = torch.nn.functional.ctc_loss(
        torch.zeros(frames, 1, 4).log_softmax(2),
        torch.tensor([ids]),
        torch.tensor([frames]),
        torch.tensor([len(ids)]),
    )

    assert alignable(frames, ids) == bool(torch.isfinite(loss))


def test_a_good_split_is_kept_whole() -> None:
    report = check(index_of([("u1", "a b", 1.0), ("u2", "cab", 2.0)]), "refuse")

    np.testing.assert_array_equal(report.kept, [0, 1])
    assert report.findings == ()
    assert report.bad == 0


BAD = [
    ("tiny", "", 0.05),
    ("doubled", "aa", 0.2),
    ("good", "ab", 0.2),
    ("empty", "  ", 1.0),
    ("foreign", "aé ß", 1.0),
    ("fine", "abc", 2.0),
    ("long", "a", 30.0),
]


def test_each_kind_is_counted_and_named() -> None:
    report = check(index_of(BAD))

    np.testing.assert_array_equal(report.kept, [2, 5])
    assert [str(finding) for finding in report.findings] == [
        "1 with symbols that the tokenizer does not know: foreign ('é', 'ß')",
        "2 with an empty transcript: tiny (''), empty ('  ')",
        "1 too short for their transcript: doubled (2 frames, 3 needed)",
        "1 shorter than data.min_seconds=0.1: tiny (0.05 s)",
        "1 longer than data.max_seconds=20: long (30.00 s)",
    ]


def test_refusing_says_all_of_it_and_the_remedy() -> None:
    with pytest.raises(UserError) as refused:
        check(index_of(BAD), "refuse")

    message = str(refused.value)
    assert "data/train: 5 of 7 utterances cannot be learned from" in message
    assert "data.on_bad=skip" in message
    assert len(message.splitlines()) == 6
    assert "foreign ('é', 'ß')" in message


def test_many_are_counted_and_a_few_named() -> None:
    rows = [(f"u{i}", "", 1.0) for i in range(40)] + [("good", "a", 1.0)]
    finding = check(index_of(rows)).findings[0]

    assert finding.count == 40
    assert str(finding).endswith("u4 (''), ...")


def test_the_fastest_speed_decides_what_can_be_aligned_and_the_slowest_what_is_too_long() -> None:
    index = index_of([("tight", "abcab", 0.5), ("wide", "abcab", 0.6), ("long", "a", 18.5)])

    np.testing.assert_array_equal(check(index).kept, [0, 1, 2])
    np.testing.assert_array_equal(check(index, speeds=(0.9, 1.0, 1.1)).kept, [1])
    report = check(index, speeds=(0.9, 1.1))
    assert [finding.kind for finding in report.findings] == [
        "too short for their transcript at speed 1.1",
        "longer than data.max_seconds=20",
    ]


def test_what_the_plan_would_refuse_is_found() -> None:
    index = index_of([("good", "a", 1.0), ("long", "a", 12.0)])
    report = check(index, seconds_per_step=10.0)

    np.testing.assert_array_equal(report.kept, [0])
    assert "seconds_per_step=10" in str(report.findings[0])


def test_nothing_left_is_refused_even_where_bad_is_skipped() -> None:
    with pytest.raises(UserError, match=r"no utterance is left .*empty transcript"):
        check(index_of([("u1", "", 1.0)]))
