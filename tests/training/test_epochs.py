"""Weights of the last and the best epochs are kept, whoever is killed when."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from ds2kit.errors import UserError
from ds2kit.model import AcousticModel
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.text.char import Char
from ds2kit.training import callbacks
from ds2kit.training.epochs import Epochs, Scores, kept, ranked
from ds2kit.training.evaluation import Evaluation
from ds2kit.training.run import train
from ds2kit.types import Score

# Few different ones, so that there are equals.
rates = st.sampled_from([0.0, 0.1, 0.2, 0.3, math.inf])
losses = st.sampled_from([1.0, 2.0, math.inf])
histories = st.lists(st.tuples(rates, losses), min_size=1, max_size=12)


def scored(history: list[tuple[float, float]]) -> Scores:
    return dict(enumerate(history, start=1))


@given(histories, st.integers(0, 4))
def test_the_last_and_the_best_are_kept(history: list[tuple[float, float]], count: int) -> None:
    dev = scored(history)
    expected = set()
    for epoch, score in dev.items():
        better = [e for e, other in dev.items() if (other, e) < (score, epoch)]
        if len(better) < count or epoch > len(dev) - count:
            expected.add(epoch)

    assert kept(dev, count) == expected


@given(histories, st.integers(0, 4))
def test_what_was_removed_is_never_wanted_again(
    history: list[tuple[float, float]], count: int
) -> None:
    there: set[int] = set()
    for epoch in range(1, len(history) + 1):
        there = {*there, epoch} & kept(scored(history[:epoch]), count)

    assert there == kept(scored(history), count)


@given(histories)
def test_the_best_is_the_best_checkpoint(history: list[tuple[float, float]]) -> None:
    best, best_epoch = (math.inf, math.inf), 0
    for epoch, score in scored(history).items():
        if score < best:  # as the end of an epoch decides
            best, best_epoch = score, epoch

    if best_epoch:
        assert ranked(scored(history))[0] == best_epoch


def test_what_is_no_number_is_worst() -> None:
    assert ranked({1: (0.5, math.nan), 2: (math.nan, 0.1), 3: (0.5, 9.0)}) == [3, 1, 2]


class Small(torch.nn.Module):
    """As little of a model as can be saved: one weight, the number of the epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.tokenizer = Char.learn(["a b"])
        self.weight = torch.nn.Parameter(torch.tensor([float(epoch)]))


def small(epoch: int) -> AcousticModel:
    return cast(AcousticModel, Small(epoch))


HISTORY = [(0.5, 1.0), (0.2, 3.0), (0.2, 2.0), (0.4, 1.0), (0.2, 3.0), (0.3, 1.0)]
KEPT_2 = {2, 3, 5, 6}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def run(epochs: Epochs, first: int = 1, count: int = 2) -> None:
    for epoch in range(first, len(HISTORY) + 1):
        epochs.keep(small(epoch), scored(HISTORY[:epoch]), count)


def test_the_folder_holds_what_is_kept_and_the_scores_of_all(tmp_path: Path) -> None:
    epochs = Epochs(tmp_path / "epochs")
    run(epochs)

    assert kept(scored(HISTORY), 2) == epochs.there() == KEPT_2
    assert {load_file(epochs.weights(e))["weight"].item() for e in KEPT_2} == set(
        map(float, KEPT_2)
    )
    assert [*files(epochs.folder)] == [*(f"{e:03}.safetensors" for e in sorted(KEPT_2)), "dev.json"]
    assert epochs.read_scores() == scored(HISTORY)


def test_nothing_is_kept_where_none_is_wanted(tmp_path: Path) -> None:
    epochs = Epochs(tmp_path / "epochs")
    run(epochs, count=0)
    assert not epochs.folder.exists()
    run(epochs)
    (epochs.folder / "mine.safetensors").touch()

    run(epochs, count=0)

    assert epochs.there() == set()
    assert (epochs.folder / "mine.safetensors").exists()


def test_from_the_start_again_the_old_ones_go(tmp_path: Path) -> None:
    epochs = Epochs(tmp_path / "epochs")
    run(epochs)

    epochs.keep(small(1), scored(HISTORY[:1]), 2)

    assert epochs.there() == {1}
    assert epochs.read_scores() == scored(HISTORY[:1])


class Killed(BaseException):
    """As if the process were gone: nothing of it touches the disk any more."""


class Reaper:
    """Lets so many files be renamed or removed, and no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0.0
        for name in ("replace", "unlink"):
            monkeypatch.setattr(Path, name, self.guarded(getattr(Path, name)))

    def guarded(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Killed
            return act(*arguments, **options)

        return guarded


def test_killed_at_any_moment_it_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = Epochs(tmp_path / "undisturbed")
    run(undisturbed)
    reaper = Reaper(monkeypatch)
    moments = 0
    while True:
        epochs = Epochs(tmp_path / str(moments))
        reaper.left = moments
        try:
            for epoch in range(1, len(HISTORY) + 1):
                epochs.keep(small(epoch), scored(HISTORY[:epoch]), 2)
        except Killed:
            pass
        else:
            break
        reaper.left = math.inf
        assert kept(epochs.read_scores(), 2) <= epochs.there(), moments
        run(epochs, first=epoch)
        assert files(epochs.folder) == files(undisturbed.folder), moments
        moments += 1

    assert moments > 4 * len(HISTORY)


def test_infinite_scores_come_back(tmp_path: Path) -> None:
    epochs = Epochs(tmp_path)
    epochs.keep(small(2), {1: (0.5, math.nan), 2: (math.inf, 1.0)}, 1)

    assert epochs.read_scores() == {1: (0.5, math.inf), 2: (math.inf, 1.0)}
    assert json.loads(epochs.scores.read_text()) == [[1, 0.5, None], [2, None, 1.0]]


@pytest.mark.parametrize("text", ["", "[[1, 0.5", "[[1, 0.5]]", "{}x", '[["one", 1, 2]]', "7"])
def test_damaged_scores_are_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "dev.json").write_text(text)
    with pytest.raises(UserError, match=r"dev\.json is damaged; .* each epoch writes it"):
        Epochs(tmp_path).read_scores()


@pytest.fixture
def scores_of_dev(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Error counts that dev has, one an epoch, instead of those that it would have."""
    given: list[int] = []

    def evaluate(*_: Any, **__: Any) -> Evaluation:
        errors = Score(given.pop(0), 0, 0, 100)
        return Evaluation(1.0, 9, 0, words=errors, characters=errors, unit="word")

    monkeypatch.setattr(callbacks, "evaluate", evaluate)
    yield given
    assert given == []


def test_a_training_keeps_them(
    tiny_config: Callable[..., Config],
    checkpoints: Callable[[Path], Any],
    same: Callable[..., None],
    scores_of_dev: list[int],
    tmp_path: Path,
) -> None:
    scores_of_dev += [50, 20, 90]
    config = tiny_config("trainer.epochs=3", "trainer.keep_epochs=1")
    train(config, tmp_path, Toolkit.installed(), tell=lambda line: None)

    epochs, saved = Epochs(tmp_path / "epochs"), checkpoints(tmp_path)
    assert saved.last["progress"]["dev"] == {1: (0.5, 1.0), 2: (0.2, 1.0), 3: (0.9, 1.0)}
    assert epochs.there() == {2, 3}
    same(load_file(epochs.weights(3)), dict(saved.last["model"]))
    best = (tmp_path / "model" / "weights.safetensors").read_bytes()
    assert epochs.weights(2).read_bytes() == best
