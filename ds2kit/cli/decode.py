"""`ds2kit decode`: the hypotheses of a prepared split."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ds2kit.registry import Toolkit


@click.command(name="decode")
@click.argument("folder", metavar="EXP|MODEL", type=click.Path(path_type=Path))
@click.argument("split")
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.pass_obj
def command(toolkit: Toolkit, folder: Path, split: str, overrides: tuple[str, ...]) -> None:
    """Decode the prepared SPLIT with the model of EXP, or with a MODEL folder.

    Writes decode/SPLIT/DECODER/hypotheses.jsonl in the folder and prints its path. Stopped, it
    goes on when run again. KEY=VALUE overrides decoder.* and corpus.data, which a model folder
    needs to be told.
    """
    from ds2kit import model as models
    from ds2kit.cli.progress import audio_bar, held_interrupts
    from ds2kit.data.index import Index
    from ds2kit.decoding.split import Decoding, decode_split, settings_of
    from ds2kit.errors import UserError
    from ds2kit.training.places import find

    if Path(split).name != split:
        raise UserError(f"{split!r} is no split; expected its name alone, such as test")
    place = find(folder)
    config = place.config(toolkit, overrides)
    model, _ = models.load(place.model, toolkit)
    data = config.speech.data
    index = Index.load(data / split)
    settings = settings_of(place.model, data, split, index, config.decoder)
    decoding = Decoding(folder / "decode" / split / config.decoder.name, index, settings)
    decoder = toolkit.make(config.decoder, model.tokenizer)
    begun = time.monotonic()
    bar = audio_bar(float(index.seconds.sum()), f"decoding {split}")
    with held_interrupts() as let_out, bar as shown:

        def done(seconds: float) -> None:
            shown(seconds)
            let_out()

        decoded = decode_split(decoding, model, decoder, config, done=done)
    if decoded:
        speed = decoded / (time.monotonic() - begun)
        click.echo(f"{decoded:.0f} s of audio, {speed:.0f} s of audio a second", err=True)
    else:
        click.echo(f"{split} was decoded already", err=True)
    click.echo(str(decoding.hypotheses))
