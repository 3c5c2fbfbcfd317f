"""The benchmark of decoders: who takes part, how they are measured, and that they are the same."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ds2kit.components import Tokenizer
from ds2kit.decoding.tune import Trial, Weights
from ds2kit.types import Score

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MODULES = ("decoding", "lineup", "contest", "searches", "pyctcdecode_peer")
FEW = ["--trials", "2", "--rounds", "2", "--sample", "3", "--turn-seconds", "0", "--json"]

Command = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture
def arpa(ds2kit: Command, tmp_path: Path) -> Path:
    """A language model of the tiny corpus's words."""
    text, path = tmp_path / "text.txt", tmp_path / "lm.arpa.gz"
    text.write_text("a b c d\nd c b a\na a b\nc d d\nb c\n" * 3)
    assert ds2kit("lm", text, "--order", "2", "--output", path).status == 0
    return path


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def ran(
    bench: Any,
    blurred: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Runs the benchmark on the blurred experiment, and reads its figures."""

    def run(arpa: Path, *arguments: str) -> dict[str, Any]:
        model = ["--language-model", str(arpa)]
        monkeypatch.setattr("sys.argv", ["", str(blurred), "test", *model, *FEW, *arguments])
        capsys.readouterr()
        bench.decoding.main()
        gc.unfreeze()
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def named(figures: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["group"], row["name"]) for row in figures["rows"]]


def test_the_core_alone(ran: Run, arpa: Path) -> None:
    figures = ran(arpa, "--without", "flashlight", "pyctcdecode")

    assert named(figures) == [
        ("defaults", "greedy"),
        ("defaults", "beam, lexicon-free"),
        ("defaults", "beam, lexicon"),
        ("best", "beam, lexicon"),
    ]
    greedy, _, _, best = figures["rows"]
    assert figures["utterances"] == 12
    assert greedy["units"] == best["units"]
    assert best["rate"] == best["errors"] / best["units"] < greedy["rate"]
    assert best["interval"][0] < best["rate"] < best["interval"][1]
    assert set(best["settings"]) == {"lm_weight", "word_score", "beam"}
    assert all(len(row["rounds"]) == 2 for row in figures["rows"])
    assert greedy["utterances_per_second"] == pytest.approx(sum(greedy["rounds"]) / 2)
    assert greedy["utterances_per_second"] > best["utterances_per_second"] > 0


def test_what_was_tuned_is_kept(ran: Run, blurred: Path, arpa: Path) -> None:
    without = ["--without", "flashlight", "pyctcdecode"]
    first = ran(arpa, *without)
    [journal] = blurred.rglob("benchmark/tune/**/trials.jsonl")
    kept = journal.read_bytes()
    again = ran(arpa, *without)

    assert journal.read_bytes() == kept
    assert kept.count(b"\n") >= 3
    assert again["rows"][-1]["settings"] == first["rows"][-1]["settings"]
    assert again["rows"][-1]["errors"] == first["rows"][-1]["errors"]


def test_pruning(ran: Run, arpa: Path) -> None:
    arguments = ["--pruning", "--without", "flashlight", "pyctcdecode"]
    figures = ran(arpa, *arguments, "--trials", "0")

    settings = [row["settings"] for row in figures["rows"]]
    assert [one["top_p"] for one in settings] == [0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1.0]
    assert ["top_k" in one for one in settings] == [False] * 6 + [True]
    assert {row["units"] for row in figures["rows"]} == {figures["rows"][0]["units"]}


def test_flashlight_directly_is_the_same(ran: Run, arpa: Path) -> None:
    pytest.importorskip("ds2kit_flashlight")
    figures = ran(arpa, "--without", "pyctcdecode")

    for pair in figures["pairs"][::2]:
        assert pair["same_texts"] == 12
        assert [side["name"] for side in pair["sides"]] == [
            "flashlight, lexicon, top_p 1",
            "flashlight directly, lexicon",
        ]
    rates = {(r["group"], r["name"]): r["rate"] for r in figures["rows"]}
    assert rates["best", "beam, lexicon"] <= rates["defaults", "greedy"]
    assert ("best", "flashlight, lexicon-free") in rates


def test_flashlight_directly_over_tokens(
    ran: Run, blurred: Path, ds2kit: Command, tmp_path: Path
) -> None:
    pytest.importorskip("ds2kit_flashlight")
    text, path = tmp_path / "text.txt", tmp_path / "tokens.arpa"
    text.write_text("a b c d\nd c b a\na a b\nc d d\nb c\n" * 3)
    tokenizer = blurred / "tokenizer.json"
    unit = ["--unit", "token", "--tokenizer", tokenizer, "--order", "3"]
    assert ds2kit("lm", text, *unit, "--output", path).status == 0

    figures = ran(path, "--without", "pyctcdecode")

    assert ("defaults", "flashlight directly") in named(figures)
    assert [pair["same_texts"] for pair in figures["pairs"][::2]] == [12, 12]


@pytest.mark.slow  # it installs packages
def test_pyctcdecode_takes_part(
    ran: Run, arpa: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pytest.importorskip("ds2kit_flashlight")
    folder = tmp_path_factory.mktemp("environment") / "made"
    figures = ran(arpa, "--environment", str(folder))

    pairs = [pair for pair in figures["pairs"] if "same_texts" not in pair]
    peers = [row for row in figures["rows"] if row["name"] == "pyctcdecode"]
    assert [side["sides"][1]["name"] for side in pairs] == ["pyctcdecode"] * 3
    assert peers[0]["settings"] == {}
    assert peers[1]["rate"] <= figures["rows"][0]["rate"]
    assert all(row["utterances_per_second"] > 0 for row in peers)


class Tokens(Tokenizer):
    """Whatever tokens there are."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = ("", *tokens)


Tokens.__abstractmethods__ = frozenset()


@pytest.mark.parametrize(
    ("tokens", "unit", "expected"),
    [
        ((" ", "'", "a"), "word", ["", " ", "'", "a"]),
        (("a", " a", " the"), "word", ["", "a", "▁a", "▁the"]),
        (("你", "好"), "character", ["", "▁你", "▁好"]),
        (("a", "e t"), "word", None),
        ((" ", "a"), "character", None),
        (("你", "好"), "word", None),
    ],
)
def test_tokens_as_pyctcdecode_has_them(
    bench: Any, tokens: tuple[str, ...], unit: str, expected: list[str] | None
) -> None:
    assert bench.pyctcdecode_peer.labels_of(Tokens(*tokens), unit) == expected


def test_narrowed_to_the_narrowest_beam_that_is_good_enough(bench: Any) -> None:
    errors = {32: 10, 16: 10, 8: 12, 4: 15, 2: 9}

    def trial(weights: Weights) -> Trial:
        score = Score(errors[weights.beam or 0], 0, 0, 100)
        return Trial(weights, score, score, 1.0)

    tuning = SimpleNamespace(run=trial, unit="word")
    best = bench.contest.Best(tuning, SimpleNamespace(best=trial(Weights(1.0, 0.5, 32))))

    assert best.errors == 10
    assert best.narrowed(10) == Weights(1.0, 0.5, 16)
    assert best.narrowed(12) == Weights(1.0, 0.5, 8)


def test_a_sample_is_of_all_lengths(bench: Any) -> None:
    split = object.__new__(bench.searches.Split)
    split.keys = [str(number) for number in range(101)]

    assert split.some(5) == ["0", "25", "50", "75", "100"]
    assert split.some(1000) == split.keys


def test_log_probabilities_that_are_not_there(experiment: Path, arpa: Path) -> None:
    script, model = str(BENCHMARKS / "decoding.py"), ["--language-model", str(arpa)]
    command = [sys.executable, script, str(experiment), "test", *model, "--trials", "0"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)

    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].endswith("decoder.name=greedy --save-log-probs")
