"""`ds2kit transcribe`: any audio to text, whole or as it arrives."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from click.core import ParameterSource

from ds2kit.errors import UserError
from ds2kit.registry import Toolkit

if TYPE_CHECKING:
    from ds2kit.audio.live import Pipe
    from ds2kit.audio.read import Waveform
    from ds2kit.decoding.stream import Stream
    from ds2kit.decoding.transcriber import Transcriber
    from ds2kit.decoding.words import TimedWord, Transcript

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
    pace: float,
    sample_rate: int | None,
) -> None:
    """Print the text of each FILE (wav, flac, ogg, opus or mp3; any rate, any channels).

    Several files give a line each, the name, a tab, and the text.

    With --stream one FILE of any length is heard as it plays, or with FILE - raw PCM from standard
    input as it comes: signed 16-bit little-endian samples of one channel. With --json there is an
    object a word, `after` so many seconds of sound were heard, and at last one of the whole.
    """
    if stream:
        _check_stream(files, pace)
    else:
        _check_whole(files)
    from ds2kit.decoding import transcriber
    from ds2kit.training.places import find

    recognizer = transcriber.load(find(model).model, toolkit)
    if not stream:
        _whole(recognizer, files, as_json, max_seconds)
    elif files[0] == STANDARD_INPUT:
        _stream_input(recognizer, sample_rate, as_json)
    else:
        _stream_file(recognizer, files[0], pace, as_json)


def _given(option: str) -> bool:
    """Whether somebody has set it, be it to its default."""
    source = click.get_current_context().get_parameter_source(option)
    return source is ParameterSource.COMMANDLINE


def _check_whole(files: tuple[Path, ...]) -> None:
    if STANDARD_INPUT in files:
        raise UserError("FILE - is standard input, which is heard as it comes; add --stream")
    for name, option in (("--pace", "pace"), ("--sample-rate", "sample_rate")):
        if _given(option):
            raise UserError(f"{name} means nothing without --stream; add --stream, or leave it out")


def _check_stream(files: tuple[Path, ...], pace: float) -> None:
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
            _print_object(file, transcript)
        elif len(files) == 1:
            click.echo(transcript.text)
        else:
            click.echo(f"{name}\t{transcript.text}")
    if failed:
        raise UserError(f"{failed} of {len(files)} files could not be transcribed")


def _stream_file(recognizer: Transcriber, file: Path, pace: float, as_json: bool) -> None:
    from ds2kit.audio.live import paced, pieces
    from ds2kit.audio.read import opened
    from ds2kit.decoding.stream import CHUNK_SECONDS

    with opened(file) as recording:
        stream = recognizer.stream(recording.sample_rate)
        sound = paced(pieces(recording, CHUNK_SECONDS), recording.sample_rate, pace)
        _follow(recognizer, stream, sound, file, as_json)


def _stream_input(recognizer: Transcriber, sample_rate: int | None, as_json: bool) -> None:
    from ds2kit.audio.live import pcm
    from ds2kit.decoding.stream import CHUNK_SECONDS

    stream = recognizer.stream(sample_rate)
    rate = sample_rate or recognizer.model.sample_rate
    sound = pcm(_standard_input(), rate, CHUNK_SECONDS)
    _follow(recognizer, stream, sound, STANDARD_INPUT, as_json)


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


def _follow(
    recognizer: Transcriber, stream: Stream, sound: Iterable[Waveform], file: Path, as_json: bool
) -> None:
    """Print the words of a sound as they become final."""
    from ds2kit.decoding.words import between_words

    if as_json:
        transcript = _hear(stream, sound, lambda word: _print_word(word, stream.seconds))
        _print_object(file, transcript)
    else:
        with _line(between_words(recognizer.model.tokenizer)) as say:
            _hear(stream, sound, say)


def _hear(
    stream: Stream, sound: Iterable[Waveform], say: Callable[[TimedWord], None]
) -> Transcript:
    """Say each word when it is final, the last ones too; the whole."""
    said = 0
    for piece in sound:
        for word in stream.feed(piece):
            say(word)
            said += 1
    transcript = stream.finish()
    for word in transcript.words[said:]:
        say(word)
    return transcript


@contextmanager
def _line(between: str) -> Iterator[Callable[[TimedWord], None]]:
    """Prints words on one line, each at once; an error's message does not stand on it."""
    said = 0

    def say(word: TimedWord) -> None:
        nonlocal said
        click.echo((between if said else "") + word.text, nl=False)
        said += 1

    try:
        yield say
    except UserError:
        if said:
            click.echo()
        raise
    click.echo()


def _print_word(word: TimedWord, after: float) -> None:
    click.echo(json.dumps({**asdict(word), "after": round(after, 4)}, ensure_ascii=False))


def _print_object(file: Path, transcript: Transcript) -> None:
    line = {"file": click.format_filename(file), **asdict(transcript)}
    click.echo(json.dumps(line, ensure_ascii=False))
