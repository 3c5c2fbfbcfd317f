"""`ds2kit tune`: the weight of a language model, and what goes with it, on dev."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ds2kit.registry import Toolkit


@click.command(name="tune")
@click.argument("folder", metavar="EXP|MODEL", type=click.Path(path_type=Path))
@click.argument("split")
@click.argument("overrides", metavar="[KEY=VALUE]...", nargs=-1)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=40,
    show_default=True,
    help="Pairs of weights that are tried.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of which ones are.")
@click.option(
    "--lm-weight",
    type=(float, float),
    metavar="LOW HIGH",
    default=(0.0, 3.0),
    show_default=True,
    help="Between which it is looked for.",
)
@click.option(
    "--word-score",
    type=(float, float),
    metavar="LOW HIGH",
    default=(-2.0, 4.0),
    show_default=True,
    help="Between which it is looked for.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    metavar="N",
    help="Processes that search; any number finds the same. Default: one for each core.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def command(
    toolkit: Toolkit,
    folder: Path,
    split: str,
    overrides: tuple[str, ...],
    trials: int,
    seed: int,
    lm_weight: tuple[float, float],
    word_score: tuple[float, float],
    workers: int | None,
    as_json: bool,
) -> None:
    """Find the weights with which a decoder makes the fewest errors on SPLIT, and keep them.

    KEY=VALUE names the decoder and its language model where the model has none yet:
    decoder.name=beam decoder.language_model.name=ngram decoder.language_model.path=lm.arpa.gz

    Tunes lm_weight and word_score, then the beam. The network runs once; what was tried stands in
    tune/SPLIT/trials.jsonl, and stopped, it goes on when run again. surface.png beside it shows
    the error rate by the weights.

    The best decoder becomes the default of `ds2kit decode` and `ds2kit transcribe`, its files
    copied into the model's folder. Tune on dev: rates on a split that was tuned on say little.
    """
    from ds2kit.cli.progress import audio_bar, held_interrupts
    from ds2kit.decoding.tune import space_of
    from ds2kit.training.tuning import Listener, Subject, at_the_edge, tune_experiment

    space = space_of(lm_weight, word_score, trials, seed)
    if split.startswith("test"):
        _say(f"warning: {split} is tuned on; then its error rate says nothing: tune on dev")
    subject = Subject(folder, split, overrides, toolkit)
    with held_interrupts() as let_out:
        listener = Listener(_say, audio_bar, let_out)
        outcome = tune_experiment(subject, space, listener, workers)
    for doubt in outcome.doubts:
        _say(f"warning: {doubt}")
    for name in at_the_edge(outcome.tuned.best, space):
        option = name.replace("_", "-")
        _say(f"{name} is best where its range ends; --{option} LOW HIGH makes that wider")
    _say(f"the language model knows {outcome.known} that were said")
    if as_json:
        click.echo(json.dumps(outcome.to_json(), ensure_ascii=False))
    else:
        click.echo(outcome.to_text())
        click.echo(str(outcome.surface))
    if outcome.kept:
        _say(f"{subject.place.model}: decodes so by default from now on")
    else:
        _say(f"{subject.place.model} is left as it was: greedy search is as good, or better")


def _say(text: str) -> None:
    click.echo(text, err=True)
