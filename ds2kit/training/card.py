"""The card of a trained model: what it is, what it was trained on, how it does on dev."""

from __future__ import annotations

from importlib.metadata import version

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
