"""What it costs to hand utterances to processes: a plain loop beside one worker, two, and so on.

    ds2kit decode MODEL SPLIT corpus.data=DATA --save-log-probs
    python benchmarks/workers.py MODEL MODEL/decode/SPLIT/log_probs [decoder.KEY=VALUE...]

Prints utterances a second for each number of processes (0: the loop), turn by turn.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ds2kit import model_folder
from ds2kit.components import Decoder
from ds2kit.decoding.log_probs import BATCH, LogProbs
from ds2kit.decoding.network import Heard
from ds2kit.decoding.split import Searching
from ds2kit.decoding.workers import Workers, before_threads
from ds2kit.registry import Toolkit
from ds2kit.training.places import find


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, metavar="EXP|MODEL", help="whose decoder is used")
    parser.add_argument("log_probs", type=Path, help="folder that --save-log-probs kept")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="of the decoder")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--repeats", type=int, default=5, help="turns that are counted")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args()
    toolkit, place = Toolkit.installed(), find(chosen.model)
    config = place.config(toolkit, chosen.overrides)
    tokenizer = model_folder.load_tokenizer(place.model / model_folder.TOKENIZER, config, toolkit)
    decoder: Decoder = toolkit.make(config.decoder, tokenizer)
    turns = speeds(decoder, LogProbs(chosen.log_probs), chosen.workers, chosen.repeats)
    if chosen.json:
        print(json.dumps(turns))
        return
    for count, found in turns.items():
        ratio = statistics.median(
            one / loop for one, loop in zip(found, turns[chosen.workers[0]], strict=True)
        )
        print(
            f"{count} workers: {statistics.median(found):9,.1f} utterances a second "
            f"[{min(found):,.1f}, {max(found):,.1f}], {ratio:.2f} times the first"
        )


def speeds(
    decoder: Decoder, log_probs: LogProbs, counts: Sequence[int], repeats: int
) -> dict[int, list[float]]:
    """Utterances a second by the number of workers, turn by turn; one turn is not counted."""
    found: dict[int, list[float]] = {count: [] for count in counts}
    for turn in range(repeats + 1):
        for count in counts:
            with before_threads():
                workers = Workers(Searching(decoder), count)
            with workers:
                list(workers.map([next(_batches(log_probs))]))  # they are all there
                begun = time.perf_counter()
                done = sum(1 for _ in workers.map(_batches(log_probs)))
                seconds = time.perf_counter() - begun
            if turn:
                found[count].append(done / seconds)
    return found


def _batches(log_probs: LogProbs) -> Iterator[list[tuple[str, Heard]]]:
    for begin in range(0, len(log_probs), BATCH):
        yield [(key, log_probs.heard(key)) for key in log_probs.keys[begin : begin + BATCH]]


if __name__ == "__main__":
    main()
