"""pyctcdecode, which wants a NumPy of before 2.0: in an environment of its own, that is made once.

Its seconds hold what its `decode` does: log-softmax of what is normalised already, the search, and
the text of the best.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from searches import Split, Turn

from ds2kit.components import Tokenizer, Unit
from ds2kit.lm.units import SPACE, written

# kenlm has no wheel, and would want cmake and a compiler; kenlm-ex is the same module, built.
REQUIREMENTS = ("numpy==1.26.4", "pyctcdecode==0.5.0", "kenlm-ex==0.2.1")

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ds2kit" / "pyctcdecode"

PROCESS = Path(__file__).with_name("pyctcdecode_process.py")


def environment(folder: Path) -> Path:
    """The Python of an environment with pyctcdecode, in a folder that is made where it lacks it."""
    python, done = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "\n".join(REQUIREMENTS)
    if not done.is_file() or done.read_text(encoding="utf-8") != wanted:
        print(f"pyctcdecode is installed in {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        for command in ([sys.executable, "-m", "venv", str(folder)], [*pip, *REQUIREMENTS]):
            if subprocess.run(command, stdout=sys.__stderr__, check=False).returncode:
                raise SystemExit(f"{' '.join(command)} failed; --without pyctcdecode leaves it out")
        done.write_text(wanted, encoding="utf-8")
    return python


def labels_of(tokenizer: Tokenizer, unit: Unit) -> list[str] | None:
    """The tokens as pyctcdecode has them; None where it cannot read this tokenizer's.

    unit: of the language model. pyctcdecode's is of words: where a character is one, each token
          begins a word.
    """
    tokens = tokenizer.tokens[1:]
    spaced = [token for token in tokens if " " in token]
    if spaced == [" "] and unit == "word":
        return ["", *tokens]
    if spaced and unit == "word" and all(" " not in token[1:] for token in tokens):
        return ["", *map(written, tokens)]
    if not spaced and unit != "word":
        return ["", *(f"{SPACE}{token}" for token in tokens)]
    return None


class Pyctcdecode:
    """The process, and what it finds.

    labels:         of `labels_of`
    language_model: a plain ARPA file, of which it reads the words itself
    joined:         its words are characters, and the text is without spaces
    """

    def __init__(
        self, python: Path, labels: list[str], language_model: Path, *, joined: bool
    ) -> None:
        self._joined = joined
        self._process = subprocess.Popen(
            [str(python), str(PROCESS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._tell({"labels": labels, "language_model": str(language_model.resolve())})

    def close(self) -> None:
        self._process.communicate()

    def turn(self, split: Split, keys: Sequence[str], options: Mapping[str, Any]) -> Turn:
        """options: alpha, beta, beam_width; its own defaults where they are left out."""
        assert self._process.stdout is not None, "the process was made with a pipe"
        self._tell({"folder": str(split.folder.resolve()), "keys": list(keys), **options})
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("pyctcdecode's process ended")
        found = json.loads(answer)
        texts = [text.replace(" ", "") if self._joined else text for text in found["texts"]]
        return Turn(texts, found["seconds"])

    def _tell(self, what: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None, "the process was made with a pipe"
        try:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise SystemExit("pyctcdecode's process ended") from None
