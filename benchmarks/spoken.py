"""Digits of Mandarin text as they are read: which library passes how many cases, and how fast.

python benchmarks/spoken.py [CASES.tsv] [--failures NAME]

Needs ./plugins/mandarin and cn2an. The cases are those of DS2KIT_CORPORA/text_normalization: rows
of written to spoken form (tn) in the seven categories of digits, from the tests of two toolkits
that follow different conventions, so no library passes all. Times are of a second round, of the
processor.
"""

from __future__ import annotations

import argparse
import os
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

CORPORA = Path(os.environ.get("DS2KIT_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))
CATEGORIES = ("cardinal", "number", "decimal", "fraction", "date", "time", "money")
SOURCES = ("wetext", "nemo")

Case = tuple[str, str, str, str]
"""Category, written form, spoken form, source."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = CORPORA / "text_normalization" / "cases.tsv"
    parser.add_argument("cases", nargs="?", type=Path, default=default)
    parser.add_argument("--failures", metavar="NAME", help="print the cases that one fails")
    chosen = parser.parse_args()
    found = cases(chosen.cases)
    print(f"{'':18}" + "".join(f"{source:>10}" for source in SOURCES) + f"{'CPU ms a case':>16}")
    for name, read in readers().items():
        heard = [attempt(read, written) for _, written, _, _ in found]
        begin = time.process_time()
        for _, written, _, _ in found:
            attempt(read, written)
        taken = 1000 * (time.process_time() - begin) / len(found)
        print(f"{name:18}" + "".join(passed(found, heard, s) for s in SOURCES) + f"{taken:16.2f}")
        if name == chosen.failures:
            for case, got in zip(found, heard, strict=True):
                if got != case[2]:
                    print("   ", *case, got, sep=" | ")


def cases(path: Path) -> list[Case]:
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")[1:] if line]
    return [(c, i, o, s) for task, c, i, o, s in rows if task == "tn" and c in CATEGORIES]


def readers() -> dict[str, Callable[[str], str]]:
    """The libraries, and what ds2kit-mandarin makes of the one that it keeps."""
    import cn2an
    from ds2kit_mandarin.spoken import spelled_signs, spoken
    from wetext import Normalizer

    return {
        "wetext": Normalizer(lang="zh", operator="tn").normalize,
        "cn2an": lambda text: cn2an.transform(text, "an2cn"),
        "ds2kit-mandarin": lambda text: spoken(unicodedata.normalize("NFKC", spelled_signs(text))),
    }


def attempt(read: Callable[[str], str], written: str) -> str:
    """What a library reads, or how it fails."""
    try:
        return read(written)
    except Exception as error:  # whatever a stranger's library raises is a failed case
        return repr(error)


def passed(found: list[Case], heard: list[str], source: str) -> str:
    of_source = [i for i, case in enumerate(found) if case[3] == source]
    right = sum(heard[i] == found[i][2] for i in of_source)
    return f"{f'{right}/{len(of_source)}':>10}"


if __name__ == "__main__":
    main()
