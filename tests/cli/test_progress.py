"""The bar shows where somebody watches, and is silent elsewhere."""

from __future__ import annotations

import io
import os
import signal

import pytest

from ds2kit.cli.progress import audio_bar, held_interrupts


class Terminal(io.StringIO):
    """A stderr that somebody watches."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("pieces", [[0.3] * 10, [1.5, 1.5], [3.0]])
def test_reaches_its_end_whatever_the_pieces(
    monkeypatch: pytest.MonkeyPatch, pieces: list[float]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    with audio_bar(sum(pieces), "decoding test") as done:
        for piece in pieces:
            done(piece)

    last = terminal.getvalue().split("\r")[-1]
    assert "decoding test" in last
    assert "100%" in last


def test_is_silent_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with audio_bar(10.0, "decoding test") as done:
        done(10.0)

    assert capsys.readouterr() == ("", "")


def test_nothing_to_do_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())

    with audio_bar(0.0, "decoding none"):
        pass


def interrupted(times: int, done: list[str]) -> None:
    """Two pieces of work, with Ctrl-C in the first."""
    with held_interrupts() as let_out:
        let_out()
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
        done.append("a piece")
        let_out()
        done.append("another")


@pytest.mark.parametrize(("times", "expected"), [(1, ["a piece"]), (2, [])])
def test_ctrl_c_waits_for_the_end_of_a_piece_once(times: int, expected: list[str]) -> None:
    before, done = signal.getsignal(signal.SIGINT), []

    with pytest.raises(KeyboardInterrupt):
        interrupted(times, done)

    assert done == expected
    assert signal.getsignal(signal.SIGINT) is before
