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
PROMISED = {"english": ("wer", 0.08), "mandarin": ("cer_without_spaces", 0.08)}


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
        decoded = recipe / "work" / f"{language}-model" / "decode" / "test" / "greedy"
        return judge(language, json.loads((decoded / "score.json").read_text(encoding="utf-8")))


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


def judge(language: str, score: dict[str, dict[str, float]]) -> int:
    unit, most = PROMISED[language]
    rate = score[unit]["rate"]
    print(f"{unit[:3].upper()} {100 * rate:.2f} %, at most {100 * most:g} % was promised")
    return 0 if rate <= most else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
