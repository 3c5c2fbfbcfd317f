"""`train` from beginning to end, told in its own words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ds2kit.errors import UserError
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.training.run import train


def test_a_finished_training_says_so_and_changes_nothing(
    start: Callable[..., Any], undisturbed: Path, tiny_yaml: Path, lively: tuple[str, ...]
) -> None:
    before = {p: p.read_bytes() for p in undisturbed.rglob("*") if p.is_file()}
    status, said = start(tiny_yaml, undisturbed, *lively, "trainer.epochs=4").end()

    assert (status, said.count("\n")) == (0, 1)
    assert "is finished: 4 epochs" in said
    assert {p: p.read_bytes() for p in undisturbed.rglob("*") if p.is_file()} == before


def test_says_its_own_lines_only(
    start: Callable[..., Any], tiny_yaml: Path, tmp_path: Path
) -> None:
    status, said = start(tiny_yaml, tmp_path / "exp", "trainer.epochs=1").end()

    assert status == 0
    assert [line.partition(" ")[0] for line in said.splitlines()] == ["epoch", "finished;"]


def test_an_experiment_can_be_moved(
    tiny_config: Callable[..., Config], tmp_path: Path, checkpoints: Callable[[Path], Any]
) -> None:
    toolkit, short = Toolkit.installed(), ("schedule.name=anneal", "trainer.epochs=1")
    train(tiny_config(*short), tmp_path / "one", toolkit)
    (tmp_path / "one").rename(tmp_path / "other")

    said: list[str] = []
    longer = tiny_config(short[0], "trainer.epochs=2")
    train(longer, tmp_path / "other", toolkit, tell=said.append)

    assert said[0] == "going on in epoch 2, step 0"
    assert checkpoints(tmp_path / "other").last["progress"]["epoch"] == 2


def test_half_precision_is_refused_on_a_cpu(
    tiny_config: Callable[..., Config], tmp_path: Path
) -> None:
    config = tiny_config("trainer.precision=16-mixed")
    with pytest.raises(UserError, match="set it to bf16-mixed or 32"):
        train(config, tmp_path / "exp", Toolkit.installed())
    assert not (tmp_path / "exp").exists()


def test_bfloat16_trains(
    tiny_config: Callable[..., Config], tmp_path: Path, log: Callable[[Path], Any]
) -> None:
    config = tiny_config("trainer.precision=bf16-mixed", "trainer.epochs=2")
    train(config, tmp_path / "exp", Toolkit.installed(), tell=lambda line: None)
    losses = [event["dev_loss"] for event in log(tmp_path / "exp") if event["event"] == "epoch"]

    assert losses[1] < losses[0]


def test_a_tokenizer_that_was_exchanged_is_refused(
    tiny_config: Callable[..., Config], tmp_path: Path
) -> None:
    from ds2kit import model_folder
    from ds2kit.text.char import Char

    toolkit, short = Toolkit.installed(), ("schedule.name=anneal", "trainer.epochs=1")
    config = tiny_config(*short)
    train(config, tmp_path / "exp", toolkit, tell=lambda line: None)
    other = model_folder.tokenizer_json(Char.learn(["xyz"]), config)
    (tmp_path / "exp" / "tokenizer.json").write_text(other)

    with pytest.raises(UserError, match="is not the tokenizer that"):
        train(tiny_config(short[0], "trainer.epochs=2"), tmp_path / "exp", toolkit)
