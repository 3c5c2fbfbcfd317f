"""`ds2kit decode`: the hypotheses of a prepared split."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ds2kit.registry import Toolkit

if TYPE_CHECKING:
    from ds2kit.decoding.network import Network
    from ds2kit.decoding.split import Decoding
    from ds2kit.settings import Config


@click.command(name="decode")
@click.argument("folder", metavar="EXP|MODEL", type=click.Path(path_type=Path))
@click.argument("split")
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    metavar="N",
    help="Processes that search; any number gives the same text. Default: one for each core; 0: "
    "search in this process, as greedy always does.",
)
@click.option(
    "--save-log-probs",
    is_flag=True,
    help="Keep what the network makes of SPLIT, so that it is not run again.",
)
@click.option(
    "--name",
    metavar="NAME",
    help="What the results are called, to keep several by one decoder. Default: the decoder's "
    "name.",
)
@click.pass_obj
def command(
    toolkit: Toolkit,
    folder: Path,
    split: str,
    overrides: tuple[str, ...],
    workers: int | None,
    save_log_probs: bool,
    name: str | None,
) -> None:
    """Decode the prepared SPLIT with the model of EXP, or with a MODEL folder.

    Writes decode/SPLIT/NAME/hypotheses.jsonl in the folder and prints its path. Stopped, it goes
    on when run again. KEY=VALUE overrides decoder.* and corpus.data, which a model folder
    needs to be told.

    Log-probabilities that were kept, in decode/SPLIT/log_probs, are used where they are of this
    model and this split.
    """
    from ds2kit.data.index import Index
    from ds2kit.decoding.network import Network
    from ds2kit.decoding.settings import settings_of
    from ds2kit.decoding.split import Decoding
    from ds2kit.training.places import checked_split, find

    place = find(folder)
    config = place.config(toolkit, overrides)
    data = config.speech.data
    index = Index.load(data / checked_split(split))
    settings = settings_of(place.model, data, split, index, config.decoder)
    called = _checked(name or config.decoder.name)
    decoding = Decoding(folder / "decode" / split / called, index, settings)
    decoding.begin()
    begun = time.monotonic()
    decoded = 0.0
    if save_log_probs or not decoding.hypotheses.is_file():
        network = Network(place.model, toolkit, config, index)
        decoded = _decode(decoding, network, config, workers, save_log_probs)
    if decoded:
        speed = decoded / (time.monotonic() - begun)
        heard = f"{decoded / 3600:.1f} h" if decoded >= 3600 else f"{decoded:.0f} s"
        _say(f"{heard} of audio, {speed:.0f} h of audio an hour")
    else:
        _say(f"{split} was decoded already")
    click.echo(str(decoding.hypotheses))


def _checked(name: str) -> str:
    """A name that a folder can have beside the log-probabilities'."""
    from ds2kit.decoding import log_probs
    from ds2kit.errors import UserError

    if Path(name).name != name or name in ("..", log_probs.FOLDER):
        raise UserError(f"--name {name} is none for results; expected one such as tuned")
    return name


def _decode(
    decoding: Decoding, network: Network, config: Config, workers: int | None, save: bool
) -> float:
    """Decode what is not decoded yet; the seconds of audio that were."""
    from ds2kit.cli.progress import audio_bar, held_interrupts
    from ds2kit.decoding import log_probs
    from ds2kit.decoding.split import decode_split, searchers

    split, seconds = decoding.index.folder.name, float(decoding.index.seconds.sum())
    folder = decoding.folder.parent / log_probs.FOLDER
    toolkit, tokenizer = network.toolkit, network.tokenizer
    searching = searchers(lambda: toolkit.make(config.decoder, tokenizer), workers)
    with searching as searches, held_interrupts() as let_out:
        kept = log_probs.find(folder, network.digests, _say)
        if save and kept is None:
            with audio_bar(seconds, f"the network over {split}") as shown:
                kept = log_probs.keep(folder, network, done=shown, between=let_out)
        hear = network.hear if kept is None else partial(kept.hear, decoding.index)
        with audio_bar(seconds, f"decoding {split}") as shown:
            return decode_split(decoding, hear, searches, done=shown, between=let_out)


def _say(text: str) -> None:
    click.echo(text, err=True)
