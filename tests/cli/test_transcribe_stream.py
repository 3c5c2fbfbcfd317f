"""`ds2kit transcribe --stream` from the outside."""

from __future__ import annotations

import io
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from ds2kit.audio.read import read
from ds2kit.audio.write import wav

Command = Callable[..., Any]
Tone = Callable[..., Path]

SAID = "a b d c a b"


class Piped(io.RawIOBase):
    """Standard input that brings so many bytes at a time, and does something before each."""

    def __init__(self, data: bytes, size: int, before: Callable[[int], None]) -> None:
        self.left, self.size, self.before, self.reads = data, size, before, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.before(self.reads)
        self.reads += 1
        size = min(self.size, len(buffer))
        piece, self.left = self.left[:size], self.left[size:]
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes these bytes standard input."""

    def make(data: bytes, size: int = 777, before: Callable[[int], None] = lambda _: None) -> None:
        raw = io.BufferedReader(Piped(data, size, before))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(raw))

    return make


def pcm(file: Path, rate: int = 8000) -> bytes:
    return (read(file, rate) * 32768).round().clip(-32768, 32767).astype("<i2").tobytes()


def test_the_text_is_that_of_the_whole(ds2kit: Command, tiny_streaming: Path, tone: Tone) -> None:
    file = tone(SAID, rate=16000)
    whole = ds2kit("transcribe", tiny_streaming, file)

    ran = ds2kit("transcribe", tiny_streaming, file, "--stream", "--pace", "0")

    assert ran == whole
    assert len(whole.out.split()) > 3


def test_json_has_a_line_a_word_and_one_of_the_whole(
    ds2kit: Command, tiny_streaming: Path, tone: Tone
) -> None:
    file = tone(SAID)
    [whole] = ds2kit("transcribe", tiny_streaming, file, "--json").out.splitlines()

    ran = ds2kit("transcribe", tiny_streaming, file, "--stream", "--pace", "0", "--json")

    *words, last = [json.loads(line) for line in ran.out.splitlines()]
    assert last.keys() == {"file", "text", "seconds", "words", "score"}
    expected = json.loads(whole)
    assert last.pop("score") == pytest.approx(expected.pop("score"), abs=1e-3)
    sure = [
        (w.pop("confidence"), e.pop("confidence"))
        for w, e in zip(last["words"], expected["words"], strict=True)
    ]
    assert last == expected
    assert [found for found, _ in sure] == pytest.approx([told for _, told in sure], abs=1e-3)
    assert [{**word, "confidence": 0, "after": 0} for word in words] == [
        {**word, "confidence": 0, "after": 0} for word in last["words"]
    ]
    after = [word["after"] for word in words]
    assert after == sorted(after)
    assert all(word["end"] <= word["after"] <= last["seconds"] for word in words)
    assert after[0] < last["seconds"] / 2  # long before the end


def test_json_has_the_text_so_far(ds2kit: Command, tiny_streaming: Path, tone: Tone) -> None:
    file = tone(SAID)
    without = ds2kit("transcribe", tiny_streaming, file, "--stream", "--pace", "0", "--json")

    ran = ds2kit(
        *("transcribe", tiny_streaming, file, "--stream", "--pace", "0", "--json", "--partial")
    )

    lines = [json.loads(line) for line in ran.out.splitlines()]
    partial = [line for line in lines if "partial" in line]
    words = [line for line in lines if "start" in line]
    assert [line for line in lines if "partial" not in line] == [
        json.loads(line) for line in without.out.splitlines()
    ]
    assert all(line.keys() == {"partial", "final", "after"} for line in partial)
    assert all(line["partial"].startswith(line["final"]) for line in partial)
    assert all(lines[-1]["text"].startswith(line["final"]) for line in partial)
    # Words are there before they are final.
    early = [line for line in partial if line["partial"] != line["final"]]
    assert early
    for line in early:
        [word] = line["partial"][len(line["final"]) :].split()
        number = len(line["final"].split())
        assert words[number]["text"] == word
        assert words[number]["after"] > line["after"]


def test_a_terminal_shows_the_text_so_far(
    ds2kit: Command, tiny_streaming: Path, tone: Tone, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tone(SAID)
    whole = ds2kit("transcribe", tiny_streaming, file).out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)

    ran = ds2kit("transcribe", tiny_streaming, file, "--stream", "--pace", "0", "--partial")

    shown = ran.out.split("\r\x1b[K")
    assert shown[-1] == whole
    early = [text for text in shown if "\x1b[2m" in text]
    assert early
    assert all(whole.startswith(click.unstyle(text)) for text in early)
    assert ran.out.count("\n") == 1


@pytest.mark.parametrize("size", [31, 777, 1_000_000])
def test_standard_input(
    ds2kit: Command, tiny_streaming: Path, tone: Tone, pipe: Callable[..., None], size: int
) -> None:
    file = tone(SAID)
    pipe(pcm(file), size)

    ran = ds2kit("transcribe", "--stream", tiny_streaming, "-")

    assert ran == ds2kit("transcribe", tiny_streaming, file)


def test_standard_input_at_another_rate(
    ds2kit: Command, tiny_streaming: Path, tone: Tone, pipe: Callable[..., None]
) -> None:
    file = tone(SAID, rate=44100)
    pipe(pcm(file, 44100))

    ran = ds2kit("transcribe", "--stream", tiny_streaming, "-", "--sample-rate", 44100, "--json")

    last = json.loads(ran.out.splitlines()[-1])
    assert (last["file"], last["seconds"]) == ("-", pytest.approx(1.5))
    assert last["text"] + "\n" == ds2kit("transcribe", tiny_streaming, file).out


def test_words_are_there_before_more_is_asked_for(
    ds2kit: Command,
    tiny_streaming: Path,
    tone: Tone,
    pipe: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: list[str] = []
    pipe(pcm(tone(SAID)), 1600, lambda read: seen.append(capsys.readouterr().out))

    rest = ds2kit("transcribe", "--stream", tiny_streaming, "-").out

    assert "".join(seen) + rest == ds2kit("transcribe", tiny_streaming, tone(SAID)).out
    came = [number for number, out in enumerate(seen) if out]
    assert len(came) > 2  # not all at once,
    assert came[0] < len(seen) / 2  # and not late


def test_nothing_piped_is_an_empty_line(
    ds2kit: Command,
    tiny_streaming: Path,
    pipe: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipe(b"")
    assert ds2kit("transcribe", "--stream", tiny_streaming, "-").out == "\n"

    monkeypatch.setattr("sys.stdin", None)  # closed, as by `<&-`
    ran = ds2kit("transcribe", "--stream", tiny_streaming, "-")
    assert (ran.status, ran.out, ran.err) == (0, "\n", "")


def test_a_recording_is_heard_as_it_plays(
    ds2kit: Command, tiny_streaming: Path, tone: Tone
) -> None:
    file = tone("a b")

    begin = time.monotonic()
    ds2kit("transcribe", "--stream", tiny_streaming, file)
    once = time.monotonic() - begin
    ds2kit("transcribe", "--stream", tiny_streaming, file, "--pace", "0.25")
    slow = time.monotonic() - begin - once

    assert once > 0.5
    assert slow > 2.0


def test_there_is_no_limit_of_length(
    ds2kit: Command, tiny_streaming: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ds2kit.decoding.stream.CHUNK_SECONDS", 5.0)  # to be done soon
    (tmp_path / "long.wav").write_bytes(wav(np.zeros(125 * 8000), 8000))

    ran = ds2kit("transcribe", "--stream", tiny_streaming, tmp_path / "long.wav", "--pace", "0")

    assert (ran.status, ran.err) == (0, "")


def stop(read: int) -> None:
    if read == 10:
        raise KeyboardInterrupt


def test_ctrl_c(
    ds2kit: Command, tiny_streaming: Path, tone: Tone, pipe: Callable[..., None]
) -> None:
    pipe(pcm(tone(SAID)), 1600, stop)

    ran = ds2kit("transcribe", "--stream", tiny_streaming, "-")

    assert ran.status == 130
    assert ran.err.strip().startswith("stopped")
    assert ran.out
    assert ds2kit("transcribe", tiny_streaming, tone(SAID)).out.startswith(ran.out)


class Closed(io.StringIO):
    """A reader that has gone after the first word."""

    def write(self, text: str) -> int:
        if self.tell():
            raise BrokenPipeError
        return super().write(text)


def test_a_reader_that_goes_away(
    ds2kit: Command, tiny_streaming: Path, tone: Tone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", Closed())
    monkeypatch.setattr("sys.stderr", io.StringIO())

    ran = ds2kit("transcribe", "--stream", tiny_streaming, tone(SAID), "--pace", "0")

    assert (ran.status, ran.err) == (1, "")
    assert sys.stdout.getvalue().strip()


def test_pcm_that_ends_amid_a_sample(
    ds2kit: Command, tiny_streaming: Path, tone: Tone, pipe: Callable[..., None]
) -> None:
    pipe(pcm(tone(SAID)) + b"\0")

    ran = ds2kit("transcribe", "--stream", tiny_streaming, "-")

    assert ran.status == 1
    assert ran.err.startswith("ds2kit: the PCM ended amid a sample, after an odd number of bytes")
    assert ran.err.count("\n") == 1
    assert ran.out.endswith("\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-"], "FILE - is standard input, which is heard as it comes; add --stream"),
        (["FILE", "-"], "add --stream"),
        (["FILE", "--pace", "1"], "--pace means nothing without --stream; add --stream, or leave"),
        (["FILE", "--sample-rate", "8000"], "--sample-rate means nothing without --stream"),
        (["FILE", "--partial"], "--partial means nothing without --stream"),
        (["FILE", "--stream", "--partial"], "a line of a terminal, and standard output is none"),
        (["FILE", "FILE", "--stream"], "--stream takes one FILE; found 2: run it once for each"),
        (["-", "FILE", "--stream"], "--stream takes one FILE; found 2"),
        (["FILE", "--stream", "--max-seconds", "120"], "leave --max-seconds out"),
        (["FILE", "--stream", "--pace", "-1"], "--pace is -1; expected 0 (without waiting)"),
        (["FILE", "--stream", "--pace", "nan"], "--pace is nan; expected"),
        (["FILE", "--stream", "--pace", "inf"], "--pace is inf; expected"),
        (["-", "--stream", "--pace", "2"], "comes at its own pace; leave --pace out"),
        (["FILE", "--stream", "--sample-rate", "8000"], "FILE says its own sample rate; leave"),
        (["-", "--stream", "--sample-rate", "10"], "sample_rate is 10; expected 1000 to 768000"),
        (["nowhere.wav", "--stream"], "nowhere.wav is not there; expected an audio file"),
    ],
)
def test_what_does_not_go_together(
    ds2kit: Command,
    tiny_streaming: Path,
    tone: Tone,
    pipe: Callable[..., None],
    arguments: list[str],
    told: str,
) -> None:
    file = str(tone("a"))
    pipe(b"", before=heard)

    ran = ds2kit("transcribe", tiny_streaming, *[file if a == "FILE" else a for a in arguments])

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert told.replace("FILE says", f"{file} says") in ran.err


def heard(read: int) -> None:
    raise AssertionError("standard input was read")


def test_a_terminal_is_not_typed_into(
    ds2kit: Command, tiny_streaming: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)

    ran = ds2kit("transcribe", "--stream", tiny_streaming, "-")

    assert ran.status == 1
    assert "standard input is a terminal; pipe raw PCM into it" in ran.err


@pytest.fixture
def both_ways(tiny_streaming: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder of a model that hears both ways; it has not learned anything."""
    from ds2kit import config as configs
    from ds2kit import model as models
    from ds2kit import model_folder
    from ds2kit.registry import Toolkit
    from ds2kit.text.char import Char

    folder = Path(shutil.copytree(tiny_streaming, tmp_path / "model"))
    toolkit = Toolkit.installed()
    both = ["encoder.bidirectional=true", "encoder.lookahead=0"]
    config = configs.load(folder / "config.yaml", toolkit, both)
    model_folder.save(folder, models.build(config, Char(" abcd"), toolkit), config, "# Both ways\n")
    return folder


@pytest.mark.parametrize("source", ["-", "FILE"])
def test_a_model_that_hears_both_ways_says_so_before_any_sound(
    ds2kit: Command, both_ways: Path, tone: Tone, pipe: Callable[..., None], source: str
) -> None:
    pipe(b"", before=heard)

    ran = ds2kit("transcribe", "--stream", both_ways, tone("a") if source == "FILE" else "-")

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert "bidirectional" in ran.err
    assert "cannot stream" in ran.err
