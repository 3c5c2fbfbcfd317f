"""What a reader of a stream sees: on a line, on a terminal, in JSON."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.cli.captions import Captions, Line, LiveLine, Objects, rows
from ds2kit.decoding.words import Partial, TimedWord, Transcript, cut
from ds2kit.text.scripts import display_width


class Said:
    """A stream that says a text, of which it is sure as far as it is told."""

    def __init__(self) -> None:
        self.final, self.seconds = "", 0.0
        self.text = ""

    def partial(self) -> Partial:
        final, _ = cut(self.text, len(self.final.replace(" ", "")))
        return Partial(self.text, final, ())


def words(text: str) -> list[TimedWord]:
    return [TimedWord(word, 0.0, 0.1, 0.5) for word in text.split()]


def play(stream: Said, captions: Captions, steps: Sequence[tuple[str, str]]) -> None:
    """Steps of (what is final so far, the text so far); the last one's text is the whole."""
    for final, text in steps:
        new = words(final[len(stream.final) :])
        stream.final, stream.text, stream.seconds = final, text, stream.seconds + 0.1
        captions.heard(new)
    transcript = Transcript(text, stream.seconds, tuple(words(text)), -1.0)
    captions.finished(transcript, transcript.words[len(stream.final.split()) :])


class Terminal:
    """What a screen of so many columns shows of what was written to it."""

    def __init__(self, columns: int) -> None:
        self.columns, self.rows = columns, [""]

    def write(self, out: str) -> None:
        for sign in re.findall(r"\x1b\[[0-9;]*[a-zA-Z]|.", out, re.DOTALL):
            if sign == "\n":
                self.rows.append("")
            elif sign == "\r":
                self.begin = True
            elif sign == "\x1b[K":
                assert self.begin
                self.rows[-1] = ""
            elif not sign.startswith("\x1b"):
                self.rows[-1] += sign
                assert display_width(self.rows[-1]) < self.columns, "the terminal would wrap it"
            self.begin = sign == "\r"


STEPS = [
    ("", "sev"),
    ("", "seven"),
    ("", "seven"),
    ("seven", "seven tree"),
    ("seven", "seven three nin"),
    ("seven three nine", "seven three nine"),
    ("seven three nine", "seven three nine eight"),
]
"""Final so far, and the text so far."""


def test_a_line_has_what_is_final(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Said()
    captions, seen = Line(stream), []

    for final, text in STEPS:
        new = words(final[len(stream.final) :])
        stream.final, stream.text = final, text
        captions.heard(new)
        seen.append(capsys.readouterr().out)
    captions.finished(Transcript(text, 1.0, tuple(words(text)), -1.0), words("eight"))

    assert seen == ["", "", "", "seven", "", " three nine", ""]
    assert capsys.readouterr().out == " eight\n"


def test_a_line_has_the_spaces_of_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Said()

    play(stream, Line(stream), [("我", "我love"), ("我love 你", "我love 你")])

    assert capsys.readouterr().out == "我love 你\n"


def test_objects_say_what_changed_and_when(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Said()

    play(stream, Objects(stream, Path("a.wav"), partial=True), STEPS)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    partial = [line for line in lines if "partial" in line]
    assert [(line["partial"], line["final"], line["after"]) for line in partial] == [
        ("sev", "", 0.1),
        ("seven", "", 0.2),
        ("seven tree", "seven", 0.4),
        ("seven three nin", "seven", 0.5),
        ("seven three nine", "seven three nine", 0.6),
        ("seven three nine eight", "seven three nine", 0.7),
    ]
    assert [line["text"] for line in lines if "start" in line] == lines[-1]["text"].split()
    # Words come before the text in which they are final.
    assert lines.index(partial[2]) == 3
    assert (lines[-1]["file"], lines[-1]["text"]) == ("a.wav", "seven three nine eight")


def test_objects_say_nothing_partial_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Said()

    play(stream, Objects(stream, Path("a.wav"), partial=False), STEPS)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 5
    assert not any("partial" in line for line in lines)


@pytest.fixture
def tty(monkeypatch: pytest.MonkeyPatch) -> None:
    """click leaves a terminal's codes in."""
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((20, 24)))


@pytest.mark.usefixtures("tty")
def test_a_terminal_shows_what_may_change_and_keeps_what_is_final(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream, terminal = Said(), Terminal(20)
    captions, seen = LiveLine(stream), []

    for final, text in STEPS:
        new = words(final[len(stream.final) :])
        stream.final, stream.text = final, text
        captions.heard(new)
        out = capsys.readouterr().out
        terminal.write(out)
        seen.append((list(terminal.rows), "\x1b[2m" in out))
    captions.finished(Transcript(text, 1.0, tuple(words(text)), -1.0), words("eight"))
    terminal.write(capsys.readouterr().out)

    assert seen[0] == (["sev"], True)
    assert seen[2] == (["seven"], False)  # nothing changed, nothing written
    assert seen[3] == (["seven tree"], True)
    assert seen[5][0] == ["seven three nine"]
    assert seen[6] == (["seven three nine", "eight"], True)  # does not fit into 19 columns
    assert terminal.rows == ["seven three nine", "eight", ""]


@pytest.mark.usefixtures("tty")
def test_a_terminal_before_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Said()
    captions = LiveLine(stream)

    captions.stopped()
    assert capsys.readouterr().out == ""
    stream.text = "sev"
    captions.heard([])
    captions.stopped()
    assert capsys.readouterr().out.endswith("\n")


@given(
    spoken=st.text("ab今天 ", max_size=60).map(lambda text: " ".join(text.split())),
    steps=st.lists(st.tuples(st.integers(0, 60), st.text("xy气 ", max_size=50)), max_size=8),
)
def test_a_terminal_ends_with_the_text(spoken: str, steps: list[tuple[int, str]]) -> None:
    """Whatever may have changed on the way, in rows that it does not wrap itself."""
    letters = sorted(min(count, len(spoken.replace(" ", ""))) for count, _ in steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((20, 24)))
        terminal = Terminal(20)
        patch.setattr(
            "click.echo", lambda text="", nl=True: terminal.write(text + ("\n" if nl else ""))
        )
        stream = Said()
        finals = [cut(spoken, count)[0] for count in letters]
        texts = [
            " ".join(f"{final}{rest}".split())
            for final, (_, rest) in zip(finals, steps, strict=True)
        ]
        captions = LiveLine(stream)
        last = finals[-1] if finals else ""
        play(stream, captions, [*zip(finals, texts, strict=True), (last, spoken)])

    assert "".join(terminal.rows).replace(" ", "") == spoken.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [""]),
        ("one two", ["one two"]),
        ("one two three", ["one two", "three"]),
        ("今天天气好", ["今天天", "气好"]),
        ("unbreakable", ["unbreak", "able"]),
        ("a 今天天气", ["a 今天", "天气"]),
    ],
)
def test_rows_are_cut_between_words(text: str, found: list[str]) -> None:
    assert rows(text, 7) == found


@given(text=st.text("ab今天\u0301 ", max_size=40), width=st.integers(2, 12))
def test_rows_have_all_of_a_text(text: str, width: int) -> None:
    found = rows(text, width)

    assert all(display_width(row) <= width for row in found)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
