"""The table that a recipe's run.sh ends in: python table.py EXP SPLIT..."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RATES = {
    "word": {"wer": "WER", "cer_with_spaces": "CER"},
    "character": {"cer_without_spaces": "CER", "wer": "WER"},
}
"""What is shown, by what the language is scored in."""

SYLLABLES = {"pinyin_with_tones": "syllables", "pinyin_without_tones": "syllables without tones"}
"""What is shown too where it was counted."""


def table(experiment: Path, splits: list[str]) -> list[tuple[str, str]]:
    """Rows of two columns: the error rates of the splits, the training's speed, what to do next."""
    rows = []
    for split in splits:
        paths = list((experiment / "decode" / split).glob("*/score.json"))
        for path in sorted(paths, key=lambda path: (path.parent.name != "greedy", path)):
            score = json.loads(path.read_text("utf-8"))
            # Which decoder's, where there are several.
            of = f", {path.parent.name}" if len(paths) > 1 else ""
            for rate, title in (RATES[score["unit"]] | SYLLABLES).items():
                if score.get(rate, {}).get("rate") is not None:
                    rows.append((f"{split} {title}{of}", _percent(score[rate])))
    rows += _training(experiment)
    # Beside the Python that runs this: it need not be on the PATH of whoever started run.sh.
    ds2kit = Path(sys.executable).with_name("ds2kit")
    return [
        *rows,
        ("plots", str(experiment / "plots")),
        ("your own file", f"{ds2kit} transcribe {experiment / 'model'} FILE"),
    ]


def _percent(rate: dict[str, Any]) -> str:
    if rate["low"] is None:  # too few utterances for an interval
        return f"{100 * rate['rate']:.2f} %"
    return f"{100 * rate['rate']:.2f} % (95 %: {100 * rate['low']:.2f} to {100 * rate['high']:.2f})"


def _training(experiment: Path) -> list[tuple[str, str]]:
    lines = (experiment / "log.jsonl").read_text("utf-8").splitlines()
    epochs = [event for event in map(json.loads, lines) if event["event"] == "epoch"]
    seconds = sum(epoch["seconds"] for epoch in epochs)
    audio = sum(epoch["audio_seconds"] for epoch in epochs)
    took = f"{len(epochs)} epochs in {seconds:.0f} s, {audio / seconds:.0f} s of audio a second"
    return [("trained", took)]


if __name__ == "__main__":
    rows = table(Path(sys.argv[1]), sys.argv[2:])
    width = max(len(name) for name, _ in rows)
    print("\n".join(f"{name:{width}}  {value}" for name, value in rows))
