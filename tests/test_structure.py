"""The size and the order of the house, from its source."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import FrameType

import pytest

import ds2kit
from ds2kit.audio.write import wav
from ds2kit.testing import speech

ROOT = Path(__file__).resolve().parents[1]

MAX_FUNCTION_LINES, MAX_FILE_LINES = 50, 400

WAY = (
    "decoding/transcriber.py",
    "audio/read.py",
    "model.py",
    "frontends/log_spectrogram.py",
    "frontends/framing.py",
    "encoders/deepspeech2.py",
    "encoders/layers.py",
    "encoders/cells.py",
    "decoding/greedy.py",
)
"""From audio to text, in order: what somebody reads who wants to know how it is done."""

BESIDE_THE_WAY = {
    "types.py": "what passes from room to room",
    "audio/containers.py": "whether a file was cut off",
    "encoders/geometry.py": "how many frames there are",
    "text/char.py": "a token's text",
    "text/normalise.py": "single spaces",
    "decoding/words.py": "words with times",
}
"""What else runs between a file and its text, the fast paths aside: what each adds to it."""

TESTED_ELSEWHERE = {
    "builtin.py": "tests/test_registry.py",
    "components.py": "tests/testing/test_streaming.py",
    "hooks.py": "tests/test_docs_hooks.py",
    "settings.py": "tests/test_config.py",
    "encoders/architecture.py": "tests/encoders/test_deepspeech2.py",
    "encoders/fast/loops.py": "tests/encoders/fast/test_unrolled.py",
    "encoders/fast/way.py": "tests/encoders/fast/test_unrolled.py",
    # By whole runs, killed, interrupted, gone on with.
    "training/callbacks.py": "tests/training/test_interrupts.py",
    "training/data.py": "tests/training/test_resume.py",
    "training/progress.py": "tests/training/test_resume.py",
    # What the contracts are made of: by components that break each of them.
    "testing/batches.py": "tests/testing/test_encoder.py",
    "testing/comparing.py": "tests/testing/test_encoder.py",
    "testing/modules.py": "tests/testing/test_encoder.py",
    "testing/options.py": "tests/testing/test_encoder.py",
    "testing/seeding.py": "tests/testing/test_encoder.py",
    "testing/streams.py": "tests/testing/test_streaming.py",
}
"""Modules without a test of their own name, and which test they have instead."""


def sources(*folders: str) -> list[Path]:
    """Python files that are the project's, not what recipes and tools leave behind."""
    left = {"work", "build", "dist", ".tox", ".venv"}
    found = chain.from_iterable((ROOT / folder).rglob("*.py") for folder in folders)
    return sorted(path for path in found if not left & set(path.relative_to(ROOT).parts))


ALL = sources("ds2kit", "plugins", "recipes", "benchmarks", "tests", "docs", ".ci")
CORE = sources("ds2kit")


def modules() -> dict[str, Path]:
    """The core's modules by name."""
    names = {}
    for path in CORE:
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def test_there_is_something_to_measure() -> None:
    assert len(CORE) > 50
    assert {path.relative_to(ROOT).parts[0] for path in ALL} >= {"ds2kit", "plugins", "recipes"}


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in ALL}

    assert not {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > MAX_FILE_LINES}


def test_functions_are_short() -> None:
    lengths = {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in ALL
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert not {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES}


def test_audio_to_text_is_read_in_nine_files() -> None:
    lines = [(ROOT / "ds2kit" / path).read_text(encoding="utf-8").count("\n") for path in WAY]

    assert len(WAY) <= 9
    assert sum(lines) <= 1500


def test_what_runs_from_audio_to_text_is_on_the_way_or_beside_it(tmp_path: Path) -> None:
    package, ran = Path(ds2kit.__file__).parent, set()

    def profile(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(package):
            ran.add(path.relative_to(package).as_posix())

    (tmp_path / "a.wav").write_bytes(wav(speech(8000, 8000, seed=0), 8000))
    transcriber = ds2kit.load(ROOT / "models" / "digits")
    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        transcriber.transcribe(tmp_path / "a.wav")
    finally:
        sys.setprofile(before)

    plain = {path for path in ran if not path.startswith("encoders/fast/")}
    # The equations of the cells run where a stream arrives; a whole recording takes the fast path.
    assert plain | {"encoders/cells.py"} == {*WAY, *BESIDE_THE_WAY}


def test_every_module_has_its_test() -> None:
    without = []
    for path in CORE:
        inside = path.relative_to(ROOT / "ds2kit")
        expected = ROOT / "tests" / inside.parent / f"test_{inside.name}"
        if path.name != "__init__.py" and not expected.is_file():
            elsewhere = TESTED_ELSEWHERE.get(str(inside))
            if elsewhere is None or not (ROOT / elsewhere).is_file():
                without.append(str(inside))

    assert without == []


def test_exceptions_are_of_modules_that_are_there() -> None:
    assert all((ROOT / "ds2kit" / path).is_file() for path in TESTED_ELSEWHERE)


def imported(path: Path) -> Iterator[str]:
    """The names that a file imports when it is imported, or when its functions run."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # A name of a module, or a module of a package.
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)
        waiting += ast.iter_child_nodes(node)


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """A way from some node back to it, or nothing."""
    done: set[str] = set()

    def walk(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for following in sorted(graph[node]):
            if found := walk(following, [*way, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := walk(node, []))), [])


def test_no_import_cycle() -> None:
    known = modules()
    graph = {name: {i for i in imported(path) if i in known} for name, path in known.items()}
    # `from ds2kit.text import char` needs the package as well, which imports nothing itself.
    packages = {name for name, path in known.items() if path.name == "__init__.py"}
    for name in graph:
        graph[name] -= {package for package in packages if name.startswith(f"{package}.")}

    assert cycle(graph) == []


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]),
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, []),
    ],
)
def test_a_cycle_is_found(graph: dict[str, set[str]], found: list[str]) -> None:
    assert cycle(graph) == found


def test_the_core_imports_no_plugin() -> None:
    for path in CORE:
        assert not [name for name in imported(path) if name.startswith("ds2kit_")], path


def version(text: str) -> tuple[str, tuple[int, ...]]:
    """`numpy==2.0` as (numpy, (2,)): 2.0.0 is no other version."""
    name, _, number = text.partition("==")
    return name, tuple(
        int(part) for part in number.removesuffix(".0").removesuffix(".0").split(".")
    )


def test_the_oldest_dependencies_are_tried() -> None:
    """`tox -e lowest` has each dependency at its lower bound, but for PyTorch."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    pins = {version(line) for line in lines if line and not line.startswith(("#", "torch=="))}

    bounds = [bound.replace(">=", "==") for bound in wanted if not bound.startswith("torch>")]
    assert pins == {version(bound) for bound in bounds}
