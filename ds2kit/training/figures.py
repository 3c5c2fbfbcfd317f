"""Figures: the curves of a training, an utterance beside what the model heard in it, a tuning."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ds2kit.audio.read import read
from ds2kit.components import BLANK
from ds2kit.data.batches import Selection
from ds2kit.data.index import Index
from ds2kit.data.reading import read_payloads
from ds2kit.decoding.greedy import Greedy
from ds2kit.decoding.tune import Trial, Tuned
from ds2kit.files import whole_file
from ds2kit.model import AcousticModel
from ds2kit.training.evaluation import evaluating
from ds2kit.types import Padded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_TOKENS = 12
"""Tokens whose probabilities are drawn: those that the utterance is most likely to hold."""

HANZI_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Droid Sans Fallback")


def utterance_figure(model: AcousticModel, index: Index, position: int) -> Figure:
    """An utterance's features above the probability of each token in each frame."""
    _, row = Selection.of(index).row(position)
    data = read_payloads([(index.folder, row)], most_reads=1)[0]
    waveform = read(data, model.sample_rate, name=row.key)
    return waveform_figure(model, waveform, row.text)


def waveform_figure(model: AcousticModel, waveform: np.ndarray, text: str) -> Figure:
    """The same for a waveform [samples] at the model's rate; `text` is what was said."""
    like = next(model.parameters())
    batch = Padded(
        torch.from_numpy(waveform)[None].to(like), torch.tensor([len(waveform)]).to(like.device)
    )
    with evaluating(model):
        frames = model.frontend(batch)
        log_probs = model.classify(frames)
    heard = Greedy(model.tokenizer).decode(log_probs)[0][0].text
    seconds = max(len(waveform) / model.sample_rate, 1e-3)
    figure = _new_figure(9.0, 6.0)
    above, below = figure.subplots(2, 1, sharex=True)
    above.imshow(
        frames.values[0, : frames.lengths[0]].float().cpu().numpy().T,
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, model.frontend.output_size),
        cmap="magma",
    )
    above.set_ylabel("feature")
    title = "\n".join(textwrap.fill(line, 120) for line in (f"said: {text}", f"heard: {heard}"))
    above.set_title(title, loc="left", fontsize=9, family=_families(), parse_math=False)
    _draw_probabilities(below, model, log_probs)
    below.set_xlim(0, seconds)
    return figure


def curves_figure(events: Sequence[dict[str, Any]]) -> Figure:
    """Loss, dev error rates, learning rate and gradient norm against the steps."""
    steps = [event for event in events if event.get("event") == "step" and not event["skipped"]]
    epochs = [event for event in events if event.get("event") == "epoch"]
    figure = _new_figure(10.0, 7.0)
    (loss, rates), (learning, norm) = figure.subplots(2, 2)
    updates = [event["update"] for event in steps]
    loss.plot(updates, [event["loss"] for event in steps], lw=0.6, alpha=0.6, label="training")
    ends = [event["update"] for event in epochs]
    loss.plot(ends, [event["dev_loss"] for event in epochs], "o-", ms=3, label="dev")
    loss.set_ylabel("loss an utterance")
    loss.legend()
    for name, label in (("dev_wer", "word"), ("dev_cer", "character")):
        rates.plot(ends, [100 * event[name] for event in epochs], "o-", ms=3, label=label)
    rates.set_ylabel("dev error rate, %")
    rates.set_ylim(bottom=0)
    rates.legend()
    learning.plot(updates, [event["learning_rate"] for event in steps])
    learning.set_ylabel("learning rate")
    norm.semilogy(updates, [event["gradient_norm"] for event in steps], lw=0.6)
    norm.set_ylabel("gradient norm")
    for axes in (loss, rates, learning, norm):
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
    return figure


def tuning_figure(tuned: Tuned, unit: str, split: str) -> Figure:
    """The error rate by the weights that were tried, and by the beam."""
    figure = _new_figure(10.0, 4.5)
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    label = f"{unit} error rate on {split}, %"
    points = [
        (*trial.weights[:2], _percent(trial, unit)) for trial in tuned.surface if trial.weights
    ]
    weights, scores, rates = np.array(points).T
    # The worst are many times as bad: their colours would leave none to tell the good ones apart.
    top = min(rates.max(), 2 * rates.min() + 1)
    colours = {"cmap": "viridis_r", "vmin": rates.min(), "vmax": max(top, rates.min() + 0.01)}
    if _spread(weights, scores):
        shown = np.clip(rates, None, top)
        left.tricontourf(weights, scores, shown, levels=20, alpha=0.6, **colours)
    dots = left.scatter(weights, scores, c=rates, edgecolors="black", lw=0.5, **colours)
    figure.colorbar(dots, ax=left, label=label, extend="max" if rates.max() > top else "neither")
    best = tuned.best.weights
    assert best is not None
    left.plot(*best[:2], "r*", ms=16, label=f"best: {best.lm_weight:g}, {best.word_score:g}")
    left.margins(0.05)
    left.set_xlabel("language-model weight")
    left.set_ylabel("word score")
    left.legend()
    beams = [str(trial.weights.beam or "") for trial in tuned.beams if trial.weights]
    right.plot(beams, [_percent(trial, unit) for trial in tuned.beams], "o-", label="best weights")
    for trial, name, style in ((tuned.greedy, "greedy", "--"), (tuned.zero, "weights of 0", ":")):
        right.axhline(_percent(trial, unit), ls=style, color="0.4", label=name)
    right.set_xlabel("beam")
    right.set_ylabel(label)
    right.grid(alpha=0.3)
    right.legend()
    return figure


def _percent(trial: Trial, unit: str) -> float:
    return 100 * trial.score(unit).rate


def _spread(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether points span an area, and not only a line."""
    return int(np.linalg.matrix_rank(np.stack([x - x[0], y - y[0]]))) == 2


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    with whole_file(path) as aside, warnings.catch_warnings():
        # Where no font has a symbol, the figure shows an empty box; a line for each says no more.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(aside, format="png", dpi=120)


def _new_figure(width: float, height: float) -> Figure:
    # Without pyplot there is no global state, and no window system is asked for.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _families() -> list[str]:
    """Fonts for transcripts: matplotlib's own, and one with hanzi where the machine has one."""
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in HANZI_FONTS if name in there)]


def _draw_probabilities(axes: Any, model: AcousticModel, log_probs: Padded) -> None:
    probabilities = log_probs.values[0, : log_probs.lengths[0]].exp().float().cpu().numpy()
    times = np.arange(len(probabilities)) * model.frame_seconds
    axes.plot(times, probabilities[:, BLANK], color="0.8", label="blank")
    peaks = probabilities.max(axis=0, initial=0.0)
    peaks[BLANK] = -1
    for token in sorted(set(np.argsort(-peaks)[:MOST_TOKENS]) - {BLANK}):
        label = model.tokenizer.tokens[token].replace(" ", "␣")
        axes.plot(times, probabilities[:, token], label=label)
    axes.set_ylim(0, 1.25)  # room for the legend
    axes.set_ylabel("probability")
    axes.set_xlabel("seconds")
    axes.legend(ncol=7, loc="upper right", prop={"family": _families(), "size": 7})
