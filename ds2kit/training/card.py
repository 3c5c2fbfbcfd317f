"""The card of a trained model: what it is, what it was trained on, how it does on dev."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from textwrap import indent

from ds2kit.settings import Config
from ds2kit.training.data import Speech
from ds2kit.training.evaluation import Evaluation
from ds2kit.training.progress import Progress


def card(config: Config, speech: Speech, result: Evaluation, progress: Progress) -> str:
    """Markdown, all of it measured."""
    splits = "\n".join(
        f"- `{split}`: {len(report.kept):,} of {report.total:,} utterances, "
        f"{index.seconds[report.kept].sum() / 3600:.2f} h, weight {weight:g}"
        for (split, weight), index, report in zip(
            config.weights.items(), speech.train, speech.reports, strict=True
        )
    )
    rates = {"word": result.words.rate, "character": result.characters.rate}
    if result.unit == "character":
        del rates["word"]  # where there are no spaces, it says nothing
    told = ", ".join(f"{unit} error rate\n{100 * rate:.2f} %" for unit, rate in rates.items())
    return f"""# A Deep Speech 2 model

Made by ds2kit {version("ds2kit")}: {config.frontend.name}, {config.encoder.name},
{config.tokenizer.name}, at {config.data.sample_rate} Hz.

Trained on

{splits}

Best on dev (`{config.speech.dev}`, {result.utterances:,} utterances) after epoch
{progress.best_epoch}, by {config.decoder.name} search: {told}.

    ds2kit transcribe FOLDER FILE
"""


def average_card(of_best: str, rates: Mapping[int, float], choice: str) -> str:
    """Markdown for the mean of several epochs' weights.

    of_best: the card of the training's best epoch, which goes along
    rates:   error rate on dev after each of the epochs
    choice:  what they are of the training's epochs, as in "last"
    """
    epochs = "\n".join(
        f"- epoch {epoch}: error rate {100 * rate:.2f} % on dev" for epoch, rate in rates.items()
    )
    return f"""# A Deep Speech 2 model, averaged over epochs

The mean, by ds2kit {version("ds2kit")}, of the weights after {len(rates)} epochs, the {choice} of a
training:

{epochs}

How the mean itself does was not measured; decode and score a split to know.

    ds2kit decode FOLDER SPLIT corpus.data=DATA
    ds2kit score FOLDER SPLIT

The card of the training's best epoch:

{indent(of_best, "> ", lambda line: True)}"""
