"""Run the quickstart as a newcomer does: in a fresh copy of the repository, with nothing installed.

Takes the language, `english` or `mandarin`; fails where the recipe does, or where the first model
makes more mistakes than was promised.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROMISED = {
    "english": ("wer", {"greedy": 0.08, "beam": 0.03}),
    "mandarin": ("cer_without_spaces", {"greedy": 0.08, "beam": 0.08}),
}
"""The unit of a language's error rate, and the most that each decoder may have."""


def main(language: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        copy(Path(folder))
        recipe = Path(folder) / "recipes" / "quickstart"
        began = time.monotonic()
        arguments = [] if language == "english" else [language]
        status = subprocess.run([recipe / "run.sh", *arguments], env=bare()).returncode
        print(f"{language} quickstart: {(time.monotonic() - began) / 60:.1f} minutes")
        if status:
            return status
        return judge(language, recipe / "work" / f"{language}-model" / "decode" / "test")


def copy(folder: Path) -> None:
    """What git has or would add, as it is now."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listed, cwd=ROOT).decode().split("\0"):
        if name and (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
            target.chmod((ROOT / name).stat().st_mode)


def bare() -> dict[str, str]:
    """The environment without this one's programs, so that ds2kit is not on the PATH."""
    here = str(Path(sys.executable).parent)
    kept = [part for part in os.environ["PATH"].split(os.pathsep) if part != here]
    dropped = ("VIRTUAL_ENV", "DS2KIT_CORPORA")
    found = {name: value for name, value in os.environ.items() if name not in dropped}
    return found | {"PATH": os.pathsep.join(kept)}


def judge(language: str, decoded: Path) -> int:
    """Print the rates; 1 where one is higher than was promised."""
    unit, promised = PROMISED[language]
    status = 0
    for decoder, most in promised.items():
        score = json.loads((decoded / decoder / "score.json").read_text(encoding="utf-8"))
        rate = score[unit]["rate"]
        print(f"{decoder}: {unit[:3].upper()} {100 * rate:.2f} %, at most {100 * most:g} %")
        status |= rate > most
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
