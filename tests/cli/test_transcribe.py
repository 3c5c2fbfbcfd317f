"""`ds2kit transcribe` from the outside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ds2kit.audio.write import wav

Command = Callable[..., Any]
Tone = Callable[..., Path]


@pytest.mark.parametrize("inside", ["", "model"])
def test_prints_the_text(ds2kit: Command, tiny_experiment: Path, tone: Tone, inside: str) -> None:
    ran = ds2kit("transcribe", tiny_experiment / inside, tone("a c d"))

    assert (ran.status, ran.out, ran.err) == (0, "a c d\n", "")


def test_several_files_have_a_line_each(ds2kit: Command, tiny_experiment: Path, tone: Tone) -> None:
    files = [tone("a b", "one.wav"), tone("d", "two.wav", rate=16000)]

    ran = ds2kit("transcribe", tiny_experiment, *files)

    assert ran.out == f"{files[0]}\ta b\n{files[1]}\td\n"


def test_json_is_one_object_a_line(ds2kit: Command, tiny_experiment: Path, tone: Tone) -> None:
    files = [tone("a b c", "one.wav"), tone("d", "two.wav")]

    ran = ds2kit("transcribe", tiny_experiment, *files, "--json")

    first, second = [json.loads(line) for line in ran.out.splitlines()]
    assert (first["file"], first["text"]) == (str(files[0]), "a b c")
    assert first["seconds"] == pytest.approx(0.75)
    assert (second["file"], second["text"]) == (str(files[1]), "d")
    assert [word["text"] for word in first["words"]] == ["a", "b", "c"]
    before = 0.0
    for word in first["words"]:
        assert set(word) == {"text", "start", "end", "confidence"}
        assert before <= word["start"] < word["end"] <= first["seconds"]
        assert 0 <= word["confidence"] <= 1
        before = word["end"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_bad_file_among_others_costs_only_itself(
    ds2kit: Command, tiny_experiment: Path, tone: Tone, tmp_path: Path, form: list[str]
) -> None:
    (tmp_path / "bad.wav").write_bytes(b"")
    files = [tone("a", "one.wav"), tmp_path / "bad.wav", tmp_path / "gone.wav", tone("d", "4.wav")]

    ran = ds2kit("transcribe", tiny_experiment, *files, *form)

    assert ran.status == 1
    assert len(ran.out.splitlines()) == 2
    assert "one.wav" in ran.out
    assert "4.wav" in ran.out
    bad, gone, summed = ran.err.splitlines()
    assert "bad.wav is empty" in bad
    assert "gone.wav is not there" in gone
    assert summed == "ds2kit: 2 of 4 files could not be transcribed"


def test_the_limit_can_be_moved(ds2kit: Command, tiny_experiment: Path, tone: Tone) -> None:
    file = tone("a b c d")

    refused = ds2kit("transcribe", tiny_experiment, file, "--max-seconds", "0.9")
    taken = ds2kit("transcribe", tiny_experiment, file, "--max-seconds", "1.0")

    assert (refused.status, refused.out) == (1, "")
    assert "said.wav is longer than 0.9 s" in refused.err
    assert taken.out == "a b c d\n"


def test_longer_than_two_minutes_is_refused_at_first(
    ds2kit: Command, tiny_experiment: Path, tmp_path: Path
) -> None:
    (tmp_path / "long.wav").write_bytes(wav(np.zeros(121 * 8000), 8000))

    ran = ds2kit("transcribe", tiny_experiment, tmp_path / "long.wav")

    assert ran.status == 1
    assert "longer than 120 s" in ran.err


def test_a_name_of_any_bytes_is_printed(ds2kit: Command, tiny_experiment: Path, tone: Tone) -> None:
    file = tone("a")
    odd = file.with_name(os.fsdecode(b"\xff.wav"))
    file.rename(odd)

    plain = ds2kit("transcribe", tiny_experiment, odd, odd)
    objects = ds2kit("transcribe", tiny_experiment, odd, "--json")

    assert plain.out.count("�.wav\ta\n") == 2
    assert json.loads(objects.out)["text"] == "a"
