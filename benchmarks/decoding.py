"""Error rates and speed of decoders on the same log-probabilities: ds2kit's, flashlight-text called
directly, and pyctcdecode, each at its defaults and at its best.

    ds2kit decode EXP dev decoder.name=greedy --save-log-probs      # and the same of test
    python benchmarks/decoding.py EXP test --language-model lm.arpa.gz [--json]
    python benchmarks/decoding.py EXP test --language-model lm.arpa.gz --pruning

Weights and beams are tuned on dev for its error rate. Speed is of the search alone, from
log-probabilities in memory to a text, in seconds of one core's time (not the clock's, so that other
work beside it does not count); searches.py says what is in them. In each round every decoder takes
a turn on the same utterances, short and long; figures are medians of the rounds, and ratios are
taken round by round. Needs ./plugins/flashlight and optuna; pyctcdecode is installed apart, once.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import sys
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# One core, before a library starts threads for more.
os.environ["OMP_NUM_THREADS"] = "1"

import torch
from contest import Contest
from lineup import LEFT_OUT, Lineup, Pair, Row
from pyctcdecode_peer import CACHE, REQUIREMENTS
from searches import Split
from variant import cpuinfo

from ds2kit.scoring.interval import bootstrap_interval


def main() -> None:
    chosen = parser().parse_args()
    torch.set_num_threads(1)
    contest = Contest(
        chosen.experiment,
        chosen.overrides,
        chosen.language_model,
        chosen.lexicon,
        work=chosen.work or chosen.experiment / "benchmark",
        environment=chosen.environment,
        trials=chosen.trials,
    )
    with closing(contest):
        figures = compared(contest, chosen)
    print(json.dumps(figures, ensure_ascii=False) if chosen.json else report(figures))


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("experiment", type=Path, metavar="EXP|MODEL", help="whose log-probabilities were kept")
    add("split", help="what is decoded")
    add("overrides", nargs="*", metavar="KEY=VALUE", help="as of `ds2kit decode`: corpus.data=DATA")
    add("--language-model", type=Path, required=True, metavar="ARPA", help="plain, .gz or .xz")
    add("--lexicon", type=Path, help="of `ds2kit lexicon`; else all words of the language model")
    add("--pruning", action="store_true", help="ds2kit's decoders with one top_p after another")
    add("--dev", default="dev", help="the split that weights are tuned on")
    add("--trials", type=int, default=20, help="of weights, each decoder; 0: defaults only")
    add("--without", nargs="+", default=[], choices=LEFT_OUT, help="left out of the table")
    add("--rounds", type=int, default=5)
    add("--sample", type=int, default=20, help="utterances of a turn")
    add("--turn-seconds", type=float, default=1.0, help="a turn is repeated for so long at least")
    add("--work", type=Path, help="folder of what was tuned; EXP/benchmark if not given")
    add("--environment", type=Path, default=CACHE, help="folder of pyctcdecode's environment")
    add("--json", action="store_true", help="one JSON object on stdout")
    return parser


def compared(contest: Contest, chosen: argparse.Namespace) -> dict[str, Any]:
    """All figures of a run."""
    split = contest.split(chosen.split)
    dev = contest.split(chosen.dev) if chosen.trials else None
    lineup = Lineup(contest, dev, chosen.without)
    if chosen.pruning:
        lineup.of_pruning()
    else:
        lineup.of_decoders()
    gc.collect()
    gc.freeze()  # what was loaded is no garbage; so do the workers of `ds2kit decode`
    for row in lineup.rows:
        decode_all(row, split, contest)
    for number in range(chosen.rounds):
        # Back and forth: who comes first is not always the same.
        for row in lineup.rows[:: 1 - 2 * (number % 2)]:
            row.speeds.append(speed(row, split, chosen.sample, chosen.turn_seconds))
            told = f"round {number + 1} of {chosen.rounds}: {row.maker.name}"
            print(f"{told}, {row.speeds[-1]:.1f} utterances a second", file=sys.stderr)
    return {
        "split": chosen.split,
        "utterances": len(split.keys),
        "unit": contest.unit,
        "rows": [of_row(row, split) for row in lineup.rows],
        "pairs": [of_pair(pair) for pair in lineup.pairs],
        "machine": machine(),
    }


def decode_all(row: Row, split: Split, contest: Contest) -> None:
    """The texts of the whole split, and their errors."""
    texts, seconds = row.search(split, split.keys)
    row.texts = [contest.tokenizer.normalise(text) for text in texts]
    scores = [contest.score(split.texts[k], t) for k, t in zip(split.keys, texts, strict=True)]
    row.scores = [words if contest.unit == "word" else chars for words, chars in scores]
    rate = f"{100 * row.score.rate:.2f} % of {row.score.units} {contest.unit}s wrong"
    print(f"{row.maker.name}: {rate}, {seconds:.1f} s", file=sys.stderr)


def speed(row: Row, split: Split, sample: int, turn_seconds: float) -> float:
    """Utterances a second of one core's time."""
    keys, done, seconds = split.some(sample), 0, 0.0
    while not done or seconds < turn_seconds:
        seconds += row.search(split, keys).seconds
        done += len(keys)
    return done / seconds


def of_row(row: Row, split: Split) -> dict[str, Any]:
    interval = bootstrap_interval(row.scores, [split.speakers[key] for key in split.keys])
    return {
        "group": row.group,
        "name": row.maker.name,
        "settings": row.settings,
        "rate": row.score.rate,
        "interval": [interval.low, interval.high] if interval else None,
        "errors": row.score.errors,
        "units": row.score.units,
        "utterances_per_second": row.speed,
        "rounds": row.speeds,
    }


def of_pair(pair: Pair) -> dict[str, Any]:
    sides = [{"group": r.group, "name": r.maker.name} for r in (pair.one, pair.other)]
    found: dict[str, Any] = {"sides": sides, "ratio": statistics.median(pair.ratios)}
    found["rounds"] = pair.ratios
    if pair.same:
        found["same_texts"] = pair.same_texts
    return found


def machine() -> dict[str, str]:
    names = ("numpy", "torch", "flashlight-text", "ufal-flashlight-text")
    return {
        "cpu": cpuinfo("model name", "Hardware"),
        "python": platform.python_version(),
        **{name: version(name) for name in names if _installed(name)},
        "pyctcdecode": ", ".join(REQUIREMENTS),
    }


def _installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def report(figures: dict[str, Any]) -> str:
    """The figures for people."""
    title = "WER" if figures["unit"] == "word" else "CER"
    said = f"{figures['split']}, {figures['utterances']:,} utterances"
    header = (f"{title} %", "95 % interval", "errors", "utterances/s", "of rounds")
    lines = [
        f"{said}; one core of {figures['machine']['cpu']}, CPU seconds of the search alone",
        f"\n{'':40}{header[0]:>8}{header[1]:>18}{header[2]:>8}{header[3]:>14}{header[4]:>20}",
    ]
    group = ""
    for row in figures["rows"]:
        if row["group"] != group:
            group = row["group"]
            lines.append(f"{group}:")
        lines.append(line_of(row))
    return "\n".join([*lines, "", *map(pair_line, figures["pairs"])])


def line_of(row: dict[str, Any]) -> str:
    interval = "[{:.2f}, {:.2f}]".format(*(100 * end for end in row["interval"] or (0, 0)))
    spread = f"[{min(row['rounds']):.1f}, {max(row['rounds']):.1f}]"
    settings = ", ".join(f"{name} {value}" for name, value in row["settings"].items())
    return (
        f"  {row['name']:38}{100 * row['rate']:8.2f}{interval:>18}{row['errors']:8}"
        f"{row['utterances_per_second']:14.1f}{spread:>20}  {settings}"
    )


def pair_line(pair: dict[str, Any]) -> str:
    one, other = (f"{side['name']} ({side['group']})" for side in pair["sides"])
    spread = f"[{min(pair['rounds']):.2f}, {max(pair['rounds']):.2f}]"
    same = f"; the same text {pair['same_texts']} times" if "same_texts" in pair else ""
    return f"{one} is {pair['ratio']:.2f} times {spread} as fast as {other}{same}"


if __name__ == "__main__":
    main()
