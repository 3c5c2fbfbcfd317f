"""`ds2kit new` writes what works at once, or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ds2kit.cli.main import cli
from ds2kit.data.recipe import loaded
from ds2kit.errors import UserError
from ds2kit.registry import Toolkit
from ds2kit.types import Utterance

KINDS = (
    "decoder",
    "encoder",
    "feature_augmentation",
    "frontend",
    "language_model",
    "tokenizer",
    "waveform_augmentation",
)


def invoke(*arguments: object) -> Result:
    """What the command does with the core's components."""
    called = ["new", *map(str, arguments)]
    return CliRunner().invoke(cli, called, obj=Toolkit.installed())


def refusal(*arguments: object) -> str:
    result = invoke(*arguments)
    assert isinstance(result.exception, UserError), result
    message = str(result.exception)
    assert "\n" not in message
    return message


def written(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_there_is_a_scaffold_for_every_kind_of_the_core() -> None:
    kinds = {folder.name for folder in (files("ds2kit") / "scaffold" / "kinds").iterdir()}

    assert kinds == set(KINDS) == {offer.kind for offer in Toolkit.installed().components}


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_passes_its_contract(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "plugin"

    assert invoke("plugin", kind, "two_words", "--folder", folder).exit_code == 0

    path = os.pathsep.join([str(folder / "src"), *filter(None, sys.path)])
    passed = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "skipped" not in passed.stdout


def test_a_plugin_is_a_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert invoke("plugin", "encoder", "two_words").exit_code == 0

    folder = tmp_path / "ds2kit-two-words"
    assert written(folder) == [
        "README.md",
        "pyproject.toml",
        "src/ds2kit_two_words/__init__.py",
        "src/ds2kit_two_words/encoder.py",
        "src/ds2kit_two_words/plugin.py",
        "tests/test_encoder.py",
    ]
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "ds2kit-two-words"
    assert project["entry-points"]["ds2kit"] == {"two_words": "ds2kit_two_words.plugin"}
    assert "class TwoWords(Encoder)" in (folder / "src/ds2kit_two_words/encoder.py").read_text()
    assert "encoder: {name: two_words}" in (folder / "README.md").read_text()


def test_nothing_is_left_to_fill_in(tmp_path: Path) -> None:
    for kind in KINDS:
        invoke("plugin", kind, "two_words", "--folder", tmp_path / kind)
    invoke("recipe", "two_words", "--folder", tmp_path / "recipe")

    for path in written(tmp_path):
        text = (tmp_path / path).read_text(encoding="utf-8")
        assert "PACKAGE" not in path + text
        assert "$name" not in text.replace("$$", "")
        assert max(len(line) for line in [*text.splitlines(), ""]) <= 100, path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("encodr", "mine"), ["'encodr'", "did you mean 'encoder'?", "frontend"]),
        (("encoder", "My-Encoder"), ["'My-Encoder'", "such as 'my_encoder'"]),
        (("encoder", "../up"), ["'../up'", "such as 'up'"]),
        (("encoder", "9"), ["'9'", "a letter first"]),
        (("encoder", "deepspeech2"), ["ds2kit already", "another name"]),
        (("encoder", "padded"), ["class Padded", "another name"]),
        (("tokenizer", "none"), ["class None", "another name"]),
    ],
)
def test_refuses_with_the_remedy(
    arguments: Sequence[str], said: Sequence[str], tmp_path: Path
) -> None:
    message = refusal("plugin", *arguments, "--folder", tmp_path / "new")

    assert all(words in message for words in said), message
    assert written(tmp_path) == []


@pytest.mark.parametrize("what", [("plugin", "encoder", "mine"), ("recipe", "mine")])
def test_refuses_a_folder_that_is_there(what: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("as it was")

    assert "--folder" in refusal(*what, "--folder", tmp_path)
    assert written(tmp_path) == ["kept"]


def test_a_recipe_is_complete(tmp_path: Path) -> None:
    folder = tmp_path / "mine"

    assert invoke("recipe", "mine", "--folder", folder).exit_code == 0

    assert written(folder) == ["README.md", "mine.yaml", "prepare.py", "run.sh", "table.tsv"]
    assert os.access(folder / "run.sh", os.X_OK)
    subprocess.run(["bash", "-n", folder / "run.sh"], check=True)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    assert invoke("recipe", "mine", "--folder", folder).exit_code == 0
    return folder


def splits(recipe: Path, *lines: str) -> dict[str, list[Utterance]]:
    """What the recipe makes of a table of these lines."""
    (recipe / "table.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with loaded(recipe / "prepare.py") as loaded_recipe:
        made = loaded_recipe.splits(loaded_recipe.options(()))
        return {name: list(utterances) for name, utterances in made.items()}


def test_a_table_says_everything(recipe: Path) -> None:
    made = splits(
        recipe,
        "path\ttext\tspeaker\tsplit\tstart\tseconds\tchannel\tdialect",
        'a.wav\tsaid "so\tanna\ttrain\t1.5\t2\t1\tnorth',
        "b.wav\t好\tbert\tdev\t\t\t\t",
    )

    [first], [second] = made["train"], made["dev"]
    assert (first.key, first.audio, first.text) == ("a.wav-1.5", recipe / "a.wav", 'said "so')
    assert (first.speaker, first.start, first.seconds, first.channel) == ("anna", 1.5, 2.0, 1)
    assert first.columns == {"dialect": "north"}
    assert (second.key, second.text, second.start, second.seconds) == ("b.wav", "好", 0.0, None)


def test_splits_are_drawn_by_speaker_and_stay(recipe: Path) -> None:
    lines = [f"{n}.wav\twords\tspeaker{n % 40}" for n in range(400)]

    made = splits(recipe, "path\ttext\tspeaker", *lines)
    half = splits(recipe, "path\ttext\tspeaker", *lines[:200])

    speakers = {name: {u.speaker for u in utterances} for name, utterances in made.items()}
    assert set(speakers) == {"train", "dev", "test"}
    assert sum(map(len, speakers.values())) == 40
    assert all({u.key for u in half[name]} <= {u.key for u in made[name]} for name in half)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["path\twords", "a.wav\tyes"], ["rows with text", "first line"]),
        (["path\ttext"], ["rows with path and text"]),
        (["path\ttext\tsplit", "a.wav\tyes\ttrain"], ["no dev", "column split"]),
        (["path\ttext\tstart", "a.wav\tyes\tsoon"], ["line 2", "'soon'", "numbers"]),
    ],
)
def test_a_bad_table_is_refused(recipe: Path, lines: Sequence[str], said: Sequence[str]) -> None:
    with pytest.raises(UserError) as refused:
        splits(recipe, *lines)

    assert all(words in str(refused.value) for words in said), str(refused.value)


def test_a_missing_table_is_refused(recipe: Path) -> None:
    (recipe / "table.tsv").unlink()

    with loaded(recipe / "prepare.py") as loaded_recipe, pytest.raises(UserError, match=r"README"):
        loaded_recipe.splits(loaded_recipe.options(()))
