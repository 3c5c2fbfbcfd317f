"""One yaml to one checked config, all that is wrong in it told together, and back."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from ds2kit import config as configs
from ds2kit.errors import Problems, UserError
from ds2kit.registry import Plugin, Toolkit

SMALL = """
corpus: {data: data}
encoder: {name: deepspeech2, width: 32, layers: 2}
augment:
  speed: [0.9, 1.0]
  waveform: [{name: gain, low_db: -3}]
optimizer: {learning_rate: 1e-4}
"""


@pytest.fixture
def toolkit() -> Toolkit:
    def load() -> object:
        return importlib.import_module("ds2kit.builtin")

    return Toolkit([Plugin("core", "ds2kit", "0.1.0", load)])  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "small.yaml"


def problems(path: Path, toolkit: Toolkit, *overrides: str) -> list[str]:
    with pytest.raises(Problems) as found:
        configs.load(path, toolkit, overrides)
    assert str(path) in str(found.value)
    return list(found.value.problems)


def test_defaults_are_filled_in(path: Path, toolkit: Toolkit) -> None:
    path.write_text(SMALL)

    config = configs.load(path, toolkit)

    assert config.encoder.options["width"] == 32
    assert config.encoder.options["cell"] == "gru"
    assert (config.tokenizer.name, config.decoder.name) == ("char", "greedy")
    assert config.speech.data == path.parent / "data"
    assert config.weights == {"train": 1.0}
    assert config.augment.waveform[0].options == {"low_db": -3.0, "high_db": 6.0}
    assert config.makers["encoder/deepspeech2"] == "ds2kit 0.1.0"


def test_1e_minus_4_is_a_number(path: Path, toolkit: Toolkit) -> None:
    """YAML 1.1 takes it for a text."""
    path.write_text(SMALL)

    assert configs.load(path, toolkit).optimizer.learning_rate == 1e-4
    overridden = configs.load(path, toolkit, ["optimizer.learning_rate=3e-5"])
    assert overridden.optimizer.learning_rate == 3e-5


def test_overrides_win(path: Path, toolkit: Toolkit, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(SMALL)
    (path.parent / "elsewhere").mkdir()
    monkeypatch.chdir(path.parent / "elsewhere")

    config = configs.load(path, toolkit, ["encoder.width=48", "corpus.data=here", "seed=7"])

    assert (config.encoder.options["width"], config.seed) == (48, 7)
    # What is typed is relative to where it is typed.
    assert config.speech.data == path.parent / "elsewhere" / "here"


def test_another_component_has_other_options(path: Path, toolkit: Toolkit) -> None:
    path.write_text(SMALL.replace("deepspeech2, width: 32", "nobodys, depth: 9"))

    config = configs.load(path, toolkit, ["encoder.name=deepspeech2", "encoder.width=24"])

    assert (config.encoder.name, config.encoder.options["width"]) == ("deepspeech2", 24)
    assert config.encoder.options["layers"] != 2


def test_what_was_typed_can_be_written(path: Path, toolkit: Toolkit) -> None:
    path.write_text(SMALL)
    typed = configs.load(path, toolkit, ["decoder.name=greedy", "encoder.name=deepspeech2"])
    path.write_text(configs.to_yaml(typed))

    assert configs.load(path, toolkit).decoder.name == "greedy"


def test_everything_wrong_is_told_at_once(path: Path, toolkit: Toolkit) -> None:
    path.write_text(
        "encodr: {}\n"
        "seed: one\n"
        "encoder: {name: deepspeech3}\n"
        "tokenizer: {name: char, lower: true}\n"
        "data: {workers: two, on_bad: skp}\n"
        "augment: {waveform: [{name: gain, low: 3}]}\n"
        "trainer: {epochs: 1.5}\n"
    )

    found = problems(path, toolkit)

    for said in (
        "encodr is not a section; did you mean 'encoder'?",
        "seed is 'one'; expected a whole number",
        "encoder.name: no encoder is called 'deepspeech3'; did you mean 'deepspeech2'?",
        "tokenizer.lower is not an option; did you mean 'lowercase'? (options: lowercase)",
        "data.workers is 'two'; expected a whole number",
        "data.on_bad is 'skp'; did you mean 'skip'?; expected one of refuse, skip",
        "augment.waveform[0].low is not an option; did you mean 'low_db'?",
        "trainer.epochs is 1.5; expected a whole number",
    ):
        assert sum(problem.startswith(said) for problem in found) == 1, said
    assert len(found) == 8


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("trainer.epochs=0", "trainer.epochs is 0; expected more than 0"),
        ("optimizer.learning_rate=0", "optimizer.learning_rate is 0.0"),
        ("data.workers=-1", "data.workers is -1; expected 0 or more"),
        ("trainer.keep_epochs=-1", "trainer.keep_epochs is -1; expected 0 or more"),
        ("data.min_seconds=99", "data.min_seconds is 99.0; expected at most data.max_seconds"),
        ("schedule.warmup=1", "schedule.warmup is 1.0"),
        ("augment.speed=[]", "augment.speed is []"),
        ("corpus.train={train: 0}", "expected weights above 0"),
        ("format=99", "format is 99; this ds2kit reads up to"),
        ("encoder=3", "encoder is 3; expected a mapping"),
        ("data=3", "data is 3; expected a mapping of options"),
        ("augment=3", "augment is 3; expected a mapping"),
        ("augment.features=3", "augment.features is 3; expected a list"),
    ],
)
def test_what_cannot_be(path: Path, toolkit: Toolkit, override: str, said: str) -> None:
    path.write_text(SMALL)

    [found] = problems(path, toolkit, override)

    assert said in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("encoder: {name: [", "cannot be read as yaml"),
        ("- one\n- two\n", "holds no sections"),
        ("seed: 1\nseed: 2\n", "cannot be read as yaml"),
        ("data: ${nowhere}\n", "cannot be read as yaml"),
    ],
)
def test_what_is_no_yaml_is_told_in_one_line(
    path: Path, toolkit: Toolkit, text: str, said: str
) -> None:
    path.write_text(text)

    with pytest.raises(UserError, match=said) as told:
        configs.load(path, toolkit)

    assert "\n" not in str(told.value)


def test_what_is_not_there(path: Path, toolkit: Toolkit) -> None:
    with pytest.raises(UserError, match=r"small\.yaml is not there"):
        configs.load(path, toolkit)


def test_an_override_without_a_value(path: Path, toolkit: Toolkit) -> None:
    path.write_text(SMALL)

    with pytest.raises(UserError, match=r"'encoder.width' is no override; expected KEY=VALUE"):
        configs.load(path, toolkit, ["encoder.width"])


def test_the_resolved_yaml_is_the_same_config(path: Path, toolkit: Toolkit) -> None:
    path.write_text(SMALL)
    config = configs.load(path, toolkit)

    path.with_name("again.yaml").write_text(configs.to_yaml(config))

    again = configs.load(path.with_name("again.yaml"), toolkit)
    assert again == config
    assert configs.to_yaml(again) == configs.to_yaml(config)


def test_a_model_keeps_what_it_needs(path: Path, toolkit: Toolkit) -> None:
    path.write_text(SMALL)
    config = configs.load(path, toolkit)

    path.write_text(configs.to_yaml(config, model_only=True))

    model = configs.load(path, toolkit)
    assert model.corpus is None
    assert (model.encoder, model.tokenizer, model.frontend) == (
        config.encoder,
        config.tokenizer,
        config.frontend,
    )
    assert not [key for key in model.makers if "augmentation" in key]
    with pytest.raises(UserError, match=r"corpus\.data=FOLDER"):
        _ = model.speech


def test_who_made_what_is_missing(path: Path, toolkit: Toolkit) -> None:
    path.write_text(
        "encoder: {name: conformer}\nmakers: {encoder/conformer: ds2kit-conformer 2.0}\n"
    )

    [found] = problems(path, toolkit)

    assert "ds2kit-conformer 2.0" in found


def test_differences_are_named(path: Path, toolkit: Toolkit) -> None:
    path.write_text(SMALL)
    old = configs.load(path, toolkit)
    new = configs.load(path, toolkit, ["encoder.width=48", "data.workers=3", "seed=2"])

    assert configs.differences(old, old) == []
    assert configs.differences(old, new, ["data.workers"]) == [
        "encoder.width: 32 -> 48",
        "seed: 1 -> 2",
    ]
