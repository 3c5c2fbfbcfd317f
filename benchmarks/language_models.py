"""A language model of a million words: seconds and memory to make it, load it and ask it.

python benchmarks/language_models.py [TEXT] [--order 5] [--json]

TEXT is the English text of DS2KIT_CORPORA by default. Beside `ds2kit lm`, KenLM's lmplz where it is
on the PATH; the two models are compared by their perplexity on every fiftieth line, which both
learned from: it says whether they are the same, not how good they are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from ds2kit.lm.ngram import NGram
from ds2kit.lm.perplexity import measure
from ds2kit.lm.texts import read_lines
from ds2kit.text.normalise import prepared

COMMAND = "import sys; sys.argv[0] = 'ds2kit'; from ds2kit.cli.main import main; main()"

CORPORA = Path(os.environ.get("DS2KIT_CORPORA", "../shared/corpora"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", nargs="?", type=Path, default=CORPORA / "text" / "english.txt.xz")
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = compared(chosen.text, chosen.order, Path(folder))
    if chosen.json:
        print(json.dumps(figures))
        return
    for program, found in figures.items():
        for name, figure in found.items():
            print(f"{program:8} {name:28} {figure:14,.2f}")


def compared(text: Path, order: int, folder: Path) -> dict[str, dict[str, float]]:
    """The figures of each program, by name."""
    lines = list(read_lines([text], prepared))
    plain = folder / "text.txt"
    plain.write_text("\n".join(lines) + "\n", encoding="utf-8")
    held = [line.split() for line in lines[::50]]
    arpa = folder / "ours.arpa"
    ours = [sys.executable, "-c", COMMAND, "lm", str(plain), "--order", str(order)]
    figures = {"ds2kit": run([*ours, "--output", str(arpa)]) | asked(arpa, held)}
    if program := shutil.which("lmplz"):
        arpa = folder / "theirs.arpa"
        theirs = [program, "-S", "500M", "-o", str(order), "--text", str(plain)]
        figures["lmplz"] = run([*theirs, "--arpa", str(arpa)]) | asked(arpa, held)
    return figures


def run(arguments: list[str]) -> dict[str, float]:
    """A program: seconds of the clock and of the processor, and the most memory it had."""
    begin = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, n, os.devnull, os.O_WRONLY, 0) for n in (1, 2)]
    child = os.posix_spawn(arguments[0], arguments, os.environ, file_actions=quiet)
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{arguments} ended with status {os.waitstatus_to_exitcode(status)}")
    return {
        "seconds": time.perf_counter() - begin,
        "processor seconds": used.ru_utime + used.ru_stime,
        "peak resident MB": used.ru_maxrss / 1024,
    }


def asked(arpa: Path, sentences: list[list[str]]) -> dict[str, float]:
    """Processor seconds to load a file, and to predict sentences, many side by side and alone."""
    begin = time.process_time()
    model = NGram(arpa)
    loaded = time.process_time()
    found = measure(model, sentences)
    together = time.process_time()
    alone = sentences[:50]
    for sentence in alone:
        measure(model, [sentence])
    apart = time.process_time()
    return {
        "n-grams": len(model),
        "processor seconds to load": loaded - begin,
        "us a unit, side by side": 1e6 * (together - loaded) / (found.units + found.sentences),
        "us a unit, one by one": 1e6 * (apart - together) / (sum(map(len, alone)) + len(alone)),
        "perplexity": found.perplexity,
    }


if __name__ == "__main__":
    main()
