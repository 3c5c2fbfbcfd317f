"""A training is gone on with by its own settings, and its log has each step once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ds2kit.errors import UserError
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.training.experiment import Experiment, open_experiment


@pytest.fixture
def begun(tiny_config: Callable[..., Config], tmp_path: Path) -> Experiment:
    experiment = Experiment(tmp_path / "exp")
    experiment.begin(tiny_config("schedule.name=anneal"), "{}\n")
    return experiment


def test_other_settings_are_refused_and_shown(
    begun: Experiment, tiny_config: Callable[..., Config]
) -> None:
    other = tiny_config("schedule.name=anneal", "encoder.width=32", "seed=7")
    with pytest.raises(UserError) as refused:
        begun.check(other, Toolkit.installed())

    assert "was begun with other settings" in str(refused.value)
    assert "encoder.width: 24 -> 32" in str(refused.value)
    assert "seed: 1 -> 7" in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        "data.workers=2",
        "trainer.devices=2",
        "trainer.checkpoint_minutes=1",
        "trainer.keep_epochs=0",
    ],
)
def test_what_does_not_change_the_model_may_change(
    begun: Experiment, tiny_config: Callable[..., Config], change: str
) -> None:
    begun.check(tiny_config("schedule.name=anneal", change), Toolkit.installed())


def test_more_epochs_unless_the_schedule_hangs_on_them(
    begun: Experiment, tiny_config: Callable[..., Config], tmp_path: Path
) -> None:
    begun.check(tiny_config("schedule.name=anneal", "trainer.epochs=9"), Toolkit.installed())
    cycle = Experiment(tmp_path / "cycle")
    cycle.begin(tiny_config(), "{}\n")
    with pytest.raises(UserError, match=r"trainer\.epochs: 3 -> 9"):
        cycle.check(tiny_config("trainer.epochs=9"), Toolkit.installed())


def test_what_a_killed_training_left_is_swept_up(
    begun: Experiment, tiny_config: Callable[..., Config]
) -> None:
    left = [begun.epochs / ".003.safetensors.7.partial", begun.checkpoints / ".last.ckpt.7.partial"]
    for path in left:
        path.parent.mkdir()
        path.touch()

    begun.begin(tiny_config("schedule.name=anneal"), "{}\n")

    assert not any(path.exists() for path in left)


def test_a_folder_of_something_else_is_refused(
    tiny_config: Callable[..., Config], tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(UserError, match="is no experiment and not empty"):
        Experiment(tmp_path).check(tiny_config(), Toolkit.installed())
    with pytest.raises(UserError, match="is no experiment; `ds2kit train"):
        open_experiment(tmp_path)


def test_the_log_is_rewound_to_the_checkpoint(tmp_path: Path) -> None:
    experiment = Experiment(tmp_path)
    events = [{"event": "start"}]
    events += [{"event": "step", "epoch": e, "step": s} for e in range(2) for s in range(3)]
    events.insert(4, {"event": "epoch", "epoch": 0, "step": 3})
    lines = "".join(json.dumps(event) + "\n" for event in events)
    experiment.log.write_text(lines + '{"event": "step", "ep')

    experiment.rewind_log(1, 1)

    kept = [(event.get("epoch"), event.get("step")) for event in experiment.read_log()]
    assert kept == [(None, None), (0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]
