"""`ds2kit transcribe`: any audio to text, whole or as it arrives."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from click.core import ParameterSource

from ds2kit.cli.captions import Captions, Line, LiveLine, Objects, print_transcript
from ds2kit.errors import UserError
from ds2kit.registry import Toolkit

if TYPE_CHECKING:
    from ds2kit.audio.live import Pipe
    from ds2kit.audio.read import Waveform
    from ds2kit.decoding.stream import Stream
    from ds2kit.decoding.transcriber import Transcriber

STANDARD_INPUT = Path("-")


@click.command(name="transcribe")
@click.argument("model", metavar="MODEL|EXP", type=click.Path(path_type=Path))
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="An object a file, with words and times.")
@click.option(
    "--max-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    help="Refuse longer recordings; memory grows with them.",
)
@click.option("--stream", is_flag=True, help="Print each word as soon as it is final.")
@click.option(
    "--partial",
    is_flag=True,
    help="With --stream: also show what may still change, on a terminal or with --json.",
)
@click.option(
    "--pace",
    type=float,
    default=1.0,
    show_default=True,
    help="With --stream: how many times as fast as FILE plays; 0 does not wait.",
)
@click.option(
    "--sample-rate",
    type=int,
    metavar="HERTZ",
    help="With --stream and FILE -: of the PCM, the model's unless given.",
)
@click.pass_obj
def command(
    toolkit: Toolkit,
    model: Path,
    files: tuple[Path, ...],
    as_json: bool,
    max_seconds: float,
    stream: bool,
    partial: bool,
    pace: float,
    sample_rate: int | None,
) -> None:
    """Print the text of each FILE (wav, flac, ogg, opus or mp3; any rate, any channels).

    Several files give a line each, the name, a tab, and the text.

    With --stream one FILE of any length is heard as it plays, or with FILE - raw PCM from standard
    input as it comes: signed 16-bit little-endian samples of one channel. With --json there is an
    object a word, `after` so many seconds of sound were heard, and at last one of the whole; with
    --partial also one where the text so far has changed, with how much of it is `final`.
    """
    if stream:
        _check_stream(files, pace, as_json, partial)
    else:
        _check_whole(files)
    from ds2kit.decoding import transcriber
    from ds2kit.training.places import find

    recognizer = transcriber.load(find(model).model, toolkit)
    if not stream:
        _whole(recognizer, files, as_json, max_seconds)
    elif files[0] == STANDARD_INPUT:
        _stream_input(recognizer, sample_rate, as_json, partial)
    else:
        _stream_file(recognizer, files[0], pace, as_json, partial)


def _given(option: str) -> bool:
    """Whether somebody has set it, be it to its default."""
    source = click.get_current_context().get_parameter_source(option)
    return source is ParameterSource.COMMANDLINE


def _check_whole(files: tuple[Path, ...]) -> None:
    if STANDARD_INPUT in files:
        raise UserError("FILE - is standard input, which is heard as it comes; add --stream")
    for option in ("partial", "pace", "sample_rate"):
        name = "--" + option.replace("_", "-")
        if _given(option):
            raise UserError(f"{name} means nothing without --stream; add --stream, or leave it out")


def _check_stream(files: tuple[Path, ...], pace: float, as_json: bool, partial: bool) -> None:
    if len(files) > 1:
        raise UserError(f"--stream takes one FILE; found {len(files)}: run it once for each")
    if _given("max_seconds"):
        raise UserError("--stream hears any length in the same memory; leave --max-seconds out")
    if files[0] == STANDARD_INPUT and _given("pace"):
        raise UserError("standard input comes at its own pace; leave --pace out")
    if not 0 <= pace < math.inf:
        raise UserError(
            f"--pace is {pace:g}; expected 0 (without waiting) or more (1: as FILE plays)"
        )
    if files[0] != STANDARD_INPUT and _given("sample_rate"):
        raise UserError(f"{files[0]} says its own sample rate; leave --sample-rate out")
    if partial and not as_json and not sys.stdout.isatty():
        raise UserError(
            "--partial rewrites a line of a terminal, and standard output is none; add --json"
        )


def _whole(
    recognizer: Transcriber, files: tuple[Path, ...], as_json: bool, max_seconds: float
) -> None:
    failed = 0
    for file in files:
        name = click.format_filename(file)  # as it can be printed, whatever bytes it has
        try:
            transcript = recognizer.transcribe(file, max_seconds=max_seconds)
        except UserError as error:
            if len(files) == 1:
                raise
            click.echo(f"ds2kit: {error}", err=True)
            failed += 1
            continue
        if as_json:
            print_transcript(file, transcript)
        elif len(files) == 1:
            click.echo(transcript.text)
        else:
            click.echo(f"{name}\t{transcript.text}")
    if failed:
        raise UserError(f"{failed} of {len(files)} files could not be transcribed")


def _stream_file(
    recognizer: Transcriber, file: Path, pace: float, as_json: bool, partial: bool
) -> None:
    from ds2kit.audio.live import paced, pieces
    from ds2kit.audio.read import opened
    from ds2kit.decoding.stream import CHUNK_SECONDS

    with opened(file) as recording:
        stream = recognizer.stream(recording.sample_rate)
        sound = paced(pieces(recording, CHUNK_SECONDS), recording.sample_rate, pace)
        _follow(stream, sound, _captions(stream, file, as_json, partial))


def _stream_input(
    recognizer: Transcriber, sample_rate: int | None, as_json: bool, partial: bool
) -> None:
    from ds2kit.audio.live import pcm
    from ds2kit.decoding.stream import CHUNK_SECONDS

    stream = recognizer.stream(sample_rate)
    rate = sample_rate or recognizer.model.sample_rate
    sound = pcm(_standard_input(), rate, CHUNK_SECONDS)
    _follow(stream, sound, _captions(stream, STANDARD_INPUT, as_json, partial))


def _standard_input() -> Pipe:
    """What comes in. Raises UserError where somebody would have to type it."""
    if sys.stdin is None:  # closed by who started this: there is nothing to hear
        return io.BytesIO()
    if sys.stdin.isatty():
        raise UserError(
            "standard input is a terminal; pipe raw PCM into it, "
            "as `arecord -q -t raw -f S16_LE -c 1 -r HERTZ` writes it"
        )
    return cast("Pipe", sys.stdin.buffer)


def _captions(stream: Stream, file: Path, as_json: bool, partial: bool) -> Captions:
    """Who prints what is heard. Raises UserError where the decoder gives no partial text."""
    if as_json:
        return Objects(stream, file, partial=partial)
    return LiveLine(stream) if partial else Line(stream)


def _follow(stream: Stream, sound: Iterable[Waveform], captions: Captions) -> None:
    """Hear a sound, and print it as it is heard."""
    said = 0
    try:
        for piece in sound:
            words = stream.feed(piece)
            said += len(words)
            captions.heard(words)
        transcript = stream.finish()
    except UserError:
        captions.stopped()
        raise
    captions.finished(transcript, transcript.words[said:])
