"""Seconds and memory of what one types first, beside `import torch`: medians of five.

python benchmarks/commands.py [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time

ROUNDS = 6
"""One that fills the caches, and five that count."""

COMMAND = "import sys; sys.argv[0] = 'ds2kit'; from ds2kit.cli.main import main; main()"

PROGRAMS = {
    "python": ["-c", "pass"],
    "import ds2kit": ["-c", "import ds2kit"],
    "ds2kit --help": ["-c", COMMAND, "--help"],
    "ds2kit plugins": ["-c", COMMAND, "plugins"],
    "import torch": ["-c", "import torch"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args()
    figures = compared()
    if chosen.json:
        print(json.dumps(figures))
        return
    print(f"{'':20} {'seconds':>10} {'CPU s':>10} {'peak MB':>10}")
    for name, taken in figures.items():
        print(f"{name:20} {taken['seconds']:10.3f} {taken['cpu']:10.3f} {taken['megabytes']:10.1f}")


def compared() -> dict[str, dict[str, float]]:
    """Medians of rounds in which the programs take turns, after one that fills the caches."""
    rounds = [{name: run(arguments) for name, arguments in PROGRAMS.items()} for _ in range(ROUNDS)]
    return {
        name: {
            figure: statistics.median(one[name][figure] for one in rounds[1:])
            for figure in rounds[0][name]
        }
        for name in PROGRAMS
    }


def run(arguments: list[str]) -> dict[str, float]:
    """A fresh Python: seconds of the clock and of the processor, and the most memory it had."""
    begin = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    child = os.posix_spawn(
        sys.executable, [sys.executable, *arguments], os.environ, file_actions=quiet
    )
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    if status:
        raise SystemExit(f"{arguments} ended with status {os.waitstatus_to_exitcode(status)}")
    return {
        "seconds": seconds,
        "cpu": used.ru_utime + used.ru_stime,
        "megabytes": used.ru_maxrss / 1024,
    }


if __name__ == "__main__":
    main()
