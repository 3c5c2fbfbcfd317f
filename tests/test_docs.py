"""What the documents say is so: their code runs, their commands and links are there."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import textwrap
import wave
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ds2kit import config as configs
from ds2kit import model as models
from ds2kit import model_folder
from ds2kit.data.recipe import loaded
from ds2kit.registry import Toolkit
from ds2kit.testing import speech
from ds2kit.text.char import Char

ROOT = Path(__file__).resolve().parents[1]

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
WITH_A_PLUGIN = ("README.md", "docs/plugins.md")
RUN = ("README.md", "docs/start.md", "docs/streaming.md", "docs/concepts.md", "docs/hooks.md")
STEP_BY_STEP = ("docs/language-models.md",)

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# ([\w./]+\.\w+)\n")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[tuple[str, str]]:
    """The language and the text of each block of code."""
    return BLOCK.findall(page(name))


def files(name: str) -> dict[str, str]:
    """The blocks whose first line is the path of a file."""
    named = [(NAMED.match(text), text) for _, text in blocks(name)]
    return {match[1]: text for match, text in named if match}


def generator() -> ModuleType:
    """docs/generate.py, as a module."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_sound(path: Path, seconds: float = 1.0) -> None:
    sound = (speech(int(16000 * seconds), 16000) * 32767).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, len(sound), "NONE", ""))
        file.writeframes(sound.tobytes())


@pytest.mark.parametrize("name", ["cli.md", "api.md", "recipes.md"])
def test_written_pages_are_what_the_code_says(name: str) -> None:
    generate = generator()
    written = page(f"docs/{name}")
    made = {
        "cli.md": generate.cli_page,
        "api.md": generate.api_page,
        "recipes.md": lambda: generate.recipes_page(written),
    }[name]()

    assert written == made, f"docs/{name} is old: run `python docs/generate.py`"


def test_the_page_of_commands_is_what_a_terminal_shows() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "from ds2kit.cli.main import main; main()", "train", "--help"],
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"```text\n{shown.stdout}```" in page("docs/cli.md")


def test_ci_runs_the_command_of_the_readme() -> None:
    [command] = [line.strip() for line in page("README.md").splitlines() if "/tox" in line]

    assert command in page(".ci/run").splitlines()
    assert command.startswith("python3.11 -m venv .venv && ")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text(encoding="utf-8"))

    assert not [link for link in links if not (path.parent / link).exists()]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_are_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^    |`)(?:\.venv/bin/)?ds2kit ([a-z]+)", text, re.MULTILINE))

    assert named <= set(Toolkit.installed().commands)


def write_model(folder: Path) -> None:
    """A model of the settings on the page of streaming, small and without knowledge."""
    [text] = [text for kind, text in blocks("docs/streaming.md") if kind == "yaml"]
    folder.mkdir(parents=True)
    (folder / "streaming.yaml").write_text(text)
    small = ["encoder.convolutions=1x2d", "encoder.width=8", "encoder.layers=1"]
    config = configs.load(folder / "streaming.yaml", Toolkit.installed(), small)
    model = models.build(config, Char(" abc"), Toolkit.installed())
    model_folder.save(folder, model, config, "# Without knowledge\n")


@pytest.mark.parametrize("name", RUN)
def test_python_runs(name: str, tmp_path: Path) -> None:
    """Blocks that are no files run one after another, where a model and a recording are."""
    write_sound(tmp_path / "speech.wav")
    write_model(tmp_path / "work" / "streaming" / "model")
    (tmp_path / "models").symlink_to(ROOT / "models")
    code = "\n".join(t for kind, t in blocks(name) if kind == "python" and not NAMED.match(t))
    assert code

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


STEP = re.compile(
    r"^```python\n(?P<code>.*?)^```$"
    r"|^    ds2kit (?P<command>[^\n]*)\n(?P<printed>(?:    (?!ds2kit )[^\n]*\n)*)",
    re.MULTILINE | re.DOTALL,
)
"""Code, or a command and what it prints."""


@pytest.mark.parametrize("name", STEP_BY_STEP)
def test_code_and_commands_run_in_order(
    name: str, ds2kit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command prints what stands below it."""
    (tmp_path / "models").symlink_to(ROOT / "models")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    steps = list(STEP.finditer(page(name)))
    assert {match.lastgroup for match in steps} == {"code", "printed"}

    for match in steps:
        if match["code"]:
            exec(match["code"], names)
            continue
        ran = ds2kit(*shlex.split(match["command"]))
        assert ran.status == 0, ran.err
        assert textwrap.indent(ran.out, "    ") == match["printed"]


@pytest.mark.parametrize("name", WITH_A_PLUGIN)
def test_the_plugin_installs_and_passes(name: str, tmp_path: Path) -> None:
    """The files of the page, installed with pip, are found and keep their contract."""
    for path, text in files(name).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    installed = tmp_path / "installed"
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", installed]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, tmp_path], check=True)
    environment = os.environ | {"PYTHONPATH": str(installed)}
    find = "from ds2kit.registry import Toolkit; Toolkit.installed().options('encoder', 'mine')"

    for command in (["-c", find], ["-m", "pytest", "-p", "no:cacheprovider", "tests"]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_plugin_in_forty_lines() -> None:
    code = [text.splitlines() for path, text in files("README.md").items() if "tests" not in path]

    assert sum(1 for text in code for line in text if line.strip() and line[0] != "#") <= 40


def test_the_recipe_of_the_page_prepares(tmp_path: Path) -> None:
    (tmp_path / "prepare.py").write_text(files("docs/recipes.md")["prepare.py"])
    for split in ("train", "dev", "test"):
        (tmp_path / split).mkdir()
        for name in ("anna1", "bert1"):
            (tmp_path / split / f"{name}.wav").touch()
            (tmp_path / split / f"{name}.txt").write_text("words")

    with loaded(tmp_path / "prepare.py") as recipe:
        made = recipe.splits(recipe.options([f"corpus={tmp_path}", "limit=1"]))
        found = {name: [(u.key, u.speaker) for u in given] for name, given in made.items()}

    assert found == {name: [("anna1", "anna")] for name in ("train", "dev", "test")}


def test_the_yaml_of_the_page_is_right(tmp_path: Path) -> None:
    [text] = [text for kind, text in blocks("docs/recipes.md") if kind == "yaml"]
    (tmp_path / "short.yaml").write_text(text)

    config = configs.load(tmp_path / "short.yaml", Toolkit.installed())

    assert (config.encoder.options["width"], config.trainer.epochs) == (400, 30)
