"""`ds2kit transcribe`: any audio to text."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from ds2kit.errors import UserError
from ds2kit.registry import Toolkit


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
@click.pass_obj
def command(
    toolkit: Toolkit, model: Path, files: tuple[Path, ...], as_json: bool, max_seconds: float
) -> None:
    """Print the text of each FILE (wav, flac, ogg, opus or mp3; any rate, any channels).

    Several files give a line each, the name, a tab, and the text.
    """
    from ds2kit.decoding import transcriber
    from ds2kit.training.places import find

    recognizer = transcriber.load(find(model).model, toolkit)
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
            line = {"file": name, **asdict(transcript)}
            click.echo(json.dumps(line, ensure_ascii=False))
        elif len(files) == 1:
            click.echo(transcript.text)
        else:
            click.echo(f"{name}\t{transcript.text}")
    if failed:
        raise UserError(f"{failed} of {len(files)} files could not be transcribed")
