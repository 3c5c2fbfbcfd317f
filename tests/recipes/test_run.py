"""The shell side: what a run.sh asks for, where ds2kit comes from, and the table at the end."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("language", ["english", "mandarin"])
def test_quickstart(run: Any, recipes: Path, language: str) -> None:
    unit = "word" if language == "english" else "character"
    exp, text, lm = (f"work/{language}{what}" for what in ("-model", ".txt", ".arpa.gz"))
    with_lm = (
        f"decoder.name=beam decoder.language_model.name=ngram decoder.language_model.path={lm}"
    )
    asked, printed = run("quickstart", *([language] if unit != "word" else []), unit=unit)
    if unit == "word":
        with_lm += " decoder.lexicon=work/english.lexicon decoder.lm_weight=0.5"
        with_lm += " decoder.word_score=0.5 decoder.beam=25"
        rates = {
            "test WER, greedy": "1.00 % (95 %: 0.50 to 2.00)",
            "test CER, greedy": "2.00 % (95 %: 1.00 to 4.00)",
        }
    else:
        with_lm += " decoder.lm_weight=0.2 decoder.word_score=2.5 decoder.beam=12"
        rates = {
            "test CER, greedy": "3.00 % (95 %: 1.50 to 6.00)",
            "test WER, greedy": "1.00 % (95 %: 0.50 to 2.00)",
        }
    assert asked == [
        f"prepare prepare.py work/{language} language={language}",
        f"train {language}.yaml {exp}",
        f"lm {text} --unit {unit} --order 3 --output {lm}"
        f" --without work/{language}/dev work/{language}/test",
        *([f"lexicon {exp} {lm} --output work/english.lexicon"] if unit == "word" else []),
        f"decode {exp} test decoder.name=greedy",
        f"decode {exp} test {with_lm}",
        f"score {exp} test --decoder greedy",
        f"score {exp} test --decoder beam",
        f"plot {exp}",
    ]
    rows = [re.split("  +", line) for line in printed.splitlines()]
    assert rows[:2] == [list(rate) for rate in rates.items()]
    assert [name for name, _ in rows[2:4]] == [name.replace("greedy", "beam") for name in rates]
    assert ["trained", "2 epochs in 8 s, 100 s of audio a second"] in rows
    model = recipes / "quickstart" / "work" / f"{language}-model"
    assert str(model / "plots") in printed
    assert f"ds2kit transcribe {model / 'model'} FILE" in printed


def test_quickstart_streams_english(run: Any) -> None:
    asked, _ = run("quickstart", "streaming")
    assert asked[0] == "prepare prepare.py work/english language=english"
    assert asked[1] == "train streaming.yaml work/streaming-model"


def test_overrides_reach_the_training(run: Any) -> None:
    asked, _ = run("quickstart", "english", "trainer.epochs=20", "seed=2")
    assert asked[1] == "train english.yaml work/english-model trainer.epochs=20 seed=2"


@pytest.mark.parametrize(
    ("arguments", "prepared", "trained"),
    [
        ((), "prepare prepare.py work/data", "train digits.yaml work/digits"),
        (("bigrams",), "prepare prepare.py work/data", "train bigrams.yaml work/bigrams"),
        (("streaming",), "prepare prepare.py work/data", "train streaming.yaml work/streaming"),
        (
            ("held_out",),
            "prepare prepare.py work/data_without_theo held_out=theo",
            "train held_out.yaml work/held_out",
        ),
    ],
)
def test_digits(run: Any, arguments: tuple[str, ...], prepared: str, trained: str) -> None:
    asked, printed = run("digits", *arguments)
    assert asked[:2] == [prepared, trained]
    each = ["decode", "decode", "score", "score"]
    assert [line.split()[0] for line in asked[2:]] == ["lm", "lexicon", *each, *each, "plot"]
    assert "test_connected WER, greedy" in printed
    assert "test_connected WER, beam" in printed


def test_a_failing_stage_ends_it(run: Any, recipes: Path) -> None:
    run("quickstart")
    tool, notes = recipes.parent / "bin" / "ds2kit", recipes.parent / "notes"
    tool.write_text(f'#!/bin/sh\necho "$*" >> "{notes}"\n[ "$1" != train ]\n')
    notes.unlink()
    ran = subprocess.run(
        ["bash", str(recipes / "quickstart" / "run.sh")],
        env={**os.environ, "PATH": f"{tool.parent}:{os.environ['PATH']}"},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 1
    assert [line.split()[0] for line in notes.read_text().splitlines()] == ["prepare", "train"]


def test_installs_once_where_ds2kit_is_not_there(run: Any, recipes: Path) -> None:
    """torch alone and first, then ds2kit with the same constraints, then the recipe's own."""
    root, tools, notes = recipes.parent, recipes.parent / "bin", recipes.parent / "notes"
    tools.mkdir()
    pip = f'#!/bin/sh\necho "pip $*" >> "{notes}"\n'
    python = f"""#!/bin/sh
if [ "$2" = venv ]; then
    mkdir -p "$3/bin"
    printf '%s' '{pip}' > "$3/bin/pip"
    cp "$0" "$3/bin/python"
    printf '#!/bin/sh\\n' > "$3/bin/ds2kit"
    chmod +x "$3"/bin/*
fi
echo "python $*" >> "{notes}"
if [ "$1" = ../requirements.py ]; then [ -e "{root}/installed" ]; exit; fi
if [ "$4" = --quiet ]; then touch "{root}/installed"; fi
"""
    for name in ("python3.11", "python3"):
        (tools / name).write_text(python)
        (tools / name).chmod(0o755)
    (recipes / "quickstart" / "requirements.txt").write_text("espeakng-loader\n")
    script = 'set -euo pipefail; cd "$0"; . ../environment.sh; command -v ds2kit; echo "$python"'
    for _ in range(2):
        ran = subprocess.run(
            ["/bin/bash", "-c", script, str(recipes / "quickstart")],
            env={"PATH": f"{tools}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.splitlines() == [
            f"{root}/.venv/bin/ds2kit",
            f"{root}/.venv/bin/python",
        ]
    constraints = f"-c {root}/constraints.txt"
    whether = "python ../requirements.py requirements.txt"
    assert notes.read_text().splitlines() == [
        f"python -m venv {root}/.venv",
        f"pip install --quiet {constraints} torch",
        f"pip install --quiet {constraints} -e {root}",
        whether,
        "python -m pip install --quiet -r requirements.txt",
        whether,
    ]
