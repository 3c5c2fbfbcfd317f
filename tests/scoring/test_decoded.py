"""Reading what was decoded: all of it, of the right index, or one line that says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ds2kit.errors import UserError
from ds2kit.scoring.decoded import read_decoded
from ds2kit.scoring.rows import Row


def test_reads_every_utterance_in_the_order_of_the_index(experiment: Path, decoded: Path) -> None:
    found = read_decoded(experiment, "test")

    assert found.rows == [
        Row("a", "one two three", "one two", "ann"),
        Row("b/c.d", "four", "for four", "ann"),
        Row("e", "five  six", "five six", "ann"),
    ]
    assert (found.folder, found.decoder, len(found.index)) == (decoded, "greedy", 3)
    assert found.settings["model_digest"] == "1234"


def test_data_may_be_relative_or_moved(
    tmp_path: Path, data: Path, decode: Callable[..., Path]
) -> None:
    decode(tmp_path / "exp", "../../../../data", data / "test")
    assert len(read_decoded(tmp_path / "exp", "test").rows) == 3

    data.rename(tmp_path / "moved")

    with pytest.raises(UserError, match="--data"):
        read_decoded(tmp_path / "exp", "test")
    assert len(read_decoded(tmp_path / "exp", "test", data=tmp_path / "moved").rows) == 3


def test_a_changed_index_is_refused(
    experiment: Path, data: Path, prepare: Callable[..., None]
) -> None:
    prepare(data / "test", {"a": "another text"})

    with pytest.raises(UserError, match="not the one that was decoded; remove"):
        read_decoded(experiment, "test")
    with pytest.raises(UserError, match="not the one that was decoded; remove"):
        read_decoded(experiment, "test", data=data)


def test_hypotheses_of_another_split_are_refused(experiment: Path, decoded: Path) -> None:
    decoded.parent.rename(decoded.parents[1] / "dev")

    with pytest.raises(UserError, match="hypotheses of split 'test', not of 'dev'; remove it and"):
        read_decoded(experiment, "dev")


def test_another_programs_hypotheses_are_read_where_the_data_are_named(
    experiment: Path, decoded: Path, data: Path
) -> None:
    (decoded / "settings.json").unlink()

    with pytest.raises(UserError, match=r"settings\.json is missing; .* --data where another"):
        read_decoded(experiment, "test")

    found = read_decoded(experiment, "test", data=data)
    assert (len(found.rows), found.settings) == (3, {})


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("a", r"greedy: references without hypothesis: 2 \(b/c\.d, e\)"),
        (["a", "b/c.d", "e", "x"], r"greedy: hypotheses without reference: 1 \(x\)"),
    ],
)
def test_other_keys_are_refused(
    experiment: Path, decoded: Path, keys: list[str], problem: str
) -> None:
    lines = [json.dumps({"key": key, "text": ""}) for key in keys]
    (decoded / "hypotheses.jsonl").write_text("\n".join(lines))

    with pytest.raises(UserError, match=problem):
        read_decoded(experiment, "test")


@pytest.mark.parametrize(
    "line",
    [
        b'{"key": "e", "te',
        b"[1]",
        b'{"key": "e"}',
        b'{"key": 1, "text": ""}',
        b'{"key": "e", "text": null}',
        b'{"key": "e", "text": "\\ud800"}',
        b"\xff",
    ],
)
def test_a_damaged_line_is_named(experiment: Path, decoded: Path, line: bytes) -> None:
    with (decoded / "hypotheses.jsonl").open("ab") as file:
        file.write(line)

    with pytest.raises(UserError, match=r"hypotheses\.jsonl, line 4: no JSON object"):
        read_decoded(experiment, "test")


def test_several_decoders_are_chosen_from(
    experiment: Path, data: Path, decode: Callable[..., Path]
) -> None:
    decode(experiment, str(data), data / "test", decoder="beam")

    with pytest.raises(UserError, match=r"decoded by beam, greedy; choose one: .*--decoder"):
        read_decoded(experiment, "test")
    with pytest.raises(UserError, match=r"'gredy'; did you mean 'greedy'\? \(only by: beam, gr"):
        read_decoded(experiment, "test", decoder="gredy")
    assert read_decoded(experiment, "test", decoder="beam").decoder == "beam"


def test_a_missing_decode_says_how_to_make_one(
    experiment: Path, decoded: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"'tset'; did you mean 'test'\?.*`ds2kit decode .* tset`"):
        read_decoded(experiment, "tset")
    (decoded / "hypotheses.jsonl").unlink()
    with pytest.raises(UserError, match=r"has no hypotheses\.jsonl; `ds2kit decode .* test`"):
        read_decoded(experiment, "test")
    with pytest.raises(UserError, match="no such folder"):
        read_decoded(tmp_path / "nowhere", "test")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("{", "settings.json is no JSON"),
        ("[]", "does not say 'data'"),
        ('{"data": "x"}', "does not say 'index_digest'"),
    ],
)
def test_damaged_settings_are_refused(
    experiment: Path, decoded: Path, data: Path, settings: str, problem: str
) -> None:
    (decoded / "settings.json").write_text(settings)

    for named in (None, data):
        with pytest.raises(UserError, match=problem):
            read_decoded(experiment, "test", data=named)
