"""Lines of JSON that were cut off anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.decoding.lines import read_lines, write_lines
from ds2kit.errors import UserError

TEXTS = st.lists(st.text(max_size=6), max_size=4)


@settings(max_examples=30)
@given(TEXTS, st.data())
def test_whole_lines_are_read_wherever_the_file_was_cut(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("lines") / "lines.jsonl"
    lines = [{"key": text, "words": [{"text": text}]} for text in texts]
    with path.open("wb") as file:
        write_lines(file, lines)
    written = path.read_bytes()
    cut = data.draw(st.integers(0, len(written)))
    path.write_bytes(written[:cut])

    assert list(read_lines(path, "key")) == lines[: written[:cut].count(b"\n")]
    with path.open("ab") as file:
        write_lines(file, [{"key": "more"}])
    assert list(read_lines(path, "key"))[-1] == {"key": "more"}


def test_nothing_is_no_lines(tmp_path: Path) -> None:
    assert list(read_lines(tmp_path / "none.jsonl", "key")) == []


@pytest.mark.parametrize("bad", ["{cut}", "[]", "5", '{"text": "a"}', ""])
def test_a_line_that_is_something_else_is_named(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(json.dumps({"key": "a"}) + f"\n{bad}\n")

    with pytest.raises(UserError, match=r"lines\.jsonl, line 2: no JSON object with 'key'; remove"):
        list(read_lines(path, "key"))
