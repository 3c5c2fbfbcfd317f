"""What is imported, when, and from where."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ds2kit
from ds2kit.builtin import ds2kit_commands

ROOT = Path(__file__).resolve().parents[1]

HEAVY = {"torch", "lightning", "pyarrow", "matplotlib", "webdataset", "omegaconf", "tensorboard"}

REPORT = """
import json, sys
sys.argv = ["ds2kit", *{arguments}]
try:
    {run}
except SystemExit as stopped:
    assert not stopped.code, stopped
print()
print(json.dumps(sorted(name for name in sys.modules if "." not in name)))
"""


def loaded(run: str, *arguments: str) -> set[str]:
    """The top-level modules that a fresh Python has loaded after running that."""
    code = REPORT.format(run=run, arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_ds2kit_is_light() -> None:
    assert not loaded("import ds2kit") & (HEAVY | {"numpy", "click", "pluggy"})


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["plugins"], ["plugins", "--json"], ["new", "--help"]]
)
def test_the_command_line_is_light(arguments: list[str]) -> None:
    assert not loaded("from ds2kit.cli.main import main; main()", *arguments) & HEAVY


def test_every_command_explains_itself_lightly() -> None:
    """Help is what one reads first: no command may load torch to print it."""
    ask = "from ds2kit.cli.main import cli; cli.main(prog_name='ds2kit')"

    for name, _ in ds2kit_commands():
        assert not loaded(ask, name, "--help") & {"torch", "lightning"}, name


def test_the_probe_sees_what_is_loaded() -> None:
    assert "torch" in loaded("import ds2kit.components")


@pytest.mark.skipif(
    "DS2KIT_TESTS_ARE_OF_THE_WHEEL" not in os.environ, reason="tox says that it tests the wheel"
)
def test_the_wheel_is_tested_and_not_the_checkout() -> None:
    assert Path(ds2kit.__file__).resolve().parent != ROOT / "ds2kit"


VIOLATIONS = {
    "Rooms: imports point down or stay": ("text/char.py", "ds2kit.training.run"),
    "Rooms: the layers stand on their equations, the fast paths know no layer": (
        "encoders/fast/way.py",
        "ds2kit.encoders.layers",
    ),
    "Doors: the fast paths only through their door": (
        "encoders/layers.py",
        "ds2kit.encoders.fast.rows",
    ),
    "Doors: the fast paths only for the layers": ("frontends/framing.py", "ds2kit.encoders.fast"),
    "Doors: lightning only in training": ("model.py", "lightning"),
    "Doors: omegaconf only in config": ("settings.py", "omegaconf"),
    "Doors: pyarrow only in data": ("scoring/report.py", "pyarrow"),
    "Doors: matplotlib only in training.figures": ("training/run.py", "matplotlib.pyplot"),
    "Doors: optuna only in decoding.tune": ("training/tuning.py", "optuna"),
    "Doors: soundfile and soxr only in audio": ("data/shards.py", "soundfile"),
    "Doors: rapidfuzz only in scoring": ("decoding/greedy.py", "rapidfuzz"),
    "Doors: pypinyin only in text.pinyin": ("scoring/measures.py", "pypinyin"),
    "Doors: pytest and hypothesis only in testing": ("errors.py", "pytest"),
    "Independence: text, sound and network do not know each other": (
        "encoders/layers.py",
        "ds2kit.text.normalise",
    ),
    "Leaves: scoring and testing need no training": ("testing/sounds.py", "ds2kit.training.loss"),
}
"""A file and an import that each contract of .importlinter forbids it."""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The package and its contracts, to break."""
    shutil.copytree(
        ROOT / "ds2kit", tmp_path / "ds2kit", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def test_imports_keep_their_contracts(copied: Path) -> None:
    found = linted(copied)

    assert found.returncode == 0, found.stdout
    for name in VIOLATIONS:
        assert f"{name} KEPT" in found.stdout


def test_each_contract_bites(copied: Path) -> None:
    for path, module in VIOLATIONS.values():
        with (copied / "ds2kit" / path).open("a") as source:
            source.write(f"\nimport {module}\n")

    found = linted(copied)

    assert found.returncode == 1
    for name in VIOLATIONS:
        assert f"{name} BROKEN" in found.stdout, name


def test_every_contract_has_its_violation() -> None:
    names = [
        line.removeprefix("name = ")
        for line in (ROOT / ".importlinter").read_text().splitlines()
        if line.startswith("name = ")
    ]

    assert sorted(names) == sorted(VIOLATIONS)
