"""A plugin from outside of the repository, from its first file to a decoded split."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import wave
from pathlib import Path

import numpy as np
import pytest

from ds2kit.testing import speech

ROOT = Path(__file__).resolve().parents[1]

CONFIG = """
corpus: {data: work/data}
frontend: {name: log_spectrogram}
tokenizer: {name: stranger, lowercase: true}
encoder: {name: stranger, width: 12, layers: 2}
data: {sample_rate: 8000, seconds_per_step: 2.5, workers: 0}
trainer: {epochs: 1}
"""


class Environment:
    """A fresh virtual environment with ds2kit's wheel and what lies below it: all but plugins.

    PyTorch and the rest are seen where they are, in the environment of the tests, and not
    installed again.
    """

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        self.bin = folder / "bin"
        self.python = str(self.bin / "python")
        own = self.run(self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        self.packages = Path(own.stdout.strip())
        (self.packages / "lower.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def run(self, *command: object, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a program of this environment, outside of the checkout."""
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        dropped = ("PYTHONPATH", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.bin,
            env=kept | {"PATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def install(self, wheel: Path) -> None:
        # By force: below is another ds2kit of the same version, the one that is tested.
        options = ["--quiet", "--no-deps", "--no-index", "--force-reinstall"]
        self.run(self.python, "-m", "pip", "install", *options, wheel)


def built(source: Path, target: Path) -> Path:
    """The wheel of a project."""
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, target, source], check=True)
    [wheel] = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("environment")
    made = Environment(folder / "venv")
    made.install(built(ROOT, folder / "wheels"))
    where = made.run(made.python, "-c", "import ds2kit; print(ds2kit.__file__)").stdout
    assert where.startswith(str(made.packages))
    return made


@pytest.fixture
def recipe(environment: Environment, tmp_path: Path) -> Path:
    """A recipe of `ds2kit new recipe` with a small table of its own, and CONFIG."""
    folder = tmp_path / "mine"
    environment.run("ds2kit", "new", "recipe", "mine", "--folder", folder)
    (folder / "mine.yaml").write_text(CONFIG)
    rows = ["path\ttext\tsplit"]
    for number, split in enumerate(["train"] * 4 + ["dev", "test", "test"]):
        sound = (speech(8000, 8000, seed=number) * 32767).astype(np.int16)
        with wave.open(str(folder / f"{number}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, len(sound), "NONE", ""))
            file.writeframes(sound.tobytes())
        rows.append(f"{number}.wav\tOne two\t{split}")
    (folder / "table.tsv").write_text("\n".join(rows) + "\n")
    return folder


def plugin(environment: Environment, folder: Path) -> Path:
    """A project that `ds2kit new plugin` began with an encoder, and a tokenizer of another."""
    for kind in ("encoder", "tokenizer"):
        environment.run("ds2kit", "new", "plugin", kind, "stranger", "--folder", folder / kind)
    package = folder / "encoder" / "src" / "ds2kit_stranger"
    other = folder / "tokenizer" / "src" / "ds2kit_stranger"
    (package / "tokenizer.py").write_text((other / "tokenizer.py").read_text())
    with (package / "plugin.py").open("a") as hooks:
        hooks.write('    yield "tokenizer", "stranger", "ds2kit_stranger.tokenizer:Stranger"\n')
    return folder / "encoder"


def test_a_stranger_trains_decodes_and_is_missed(
    environment: Environment, recipe: Path, tmp_path: Path
) -> None:
    environment.install(built(plugin(environment, tmp_path / "outside"), tmp_path / "wheels"))
    listed = environment.run("ds2kit", "plugins", "--check").stdout
    assert listed.count("ds2kit-stranger 0.1.0") == 2

    table = environment.run(recipe / "run.sh").stdout

    # Prepared, trained, decoded, scored and plotted by one script.
    experiment = recipe / "work" / "mine"
    log = [json.loads(line) for line in (experiment / "log.jsonl").read_text().splitlines()]
    assert sum(line["event"] == "step" for line in log) == 2
    assert "WER" in table
    hypotheses = experiment / "decode" / "test" / "greedy" / "hypotheses.jsonl"
    keys = {json.loads(line)["key"] for line in hypotheses.read_text().splitlines()}
    assert keys == {"5.wav", "6.wav"}
    model = experiment / "model"
    assert environment.run("ds2kit", "transcribe", model, recipe / "5.wav").stdout

    environment.run(environment.python, "-m", "pip", "uninstall", "--yes", "ds2kit-stranger")

    missed = environment.run("ds2kit", "transcribe", model, recipe / "5.wav", status=1)
    for said in ("encoder", "tokenizer", "'stranger'", "ds2kit-stranger 0.1.0", "install"):
        assert said in missed.stderr
    assert "Traceback" not in missed.stderr
