"""pyctcdecode in its own process and environment: takes turns as it is told. See pyctcdecode_peer.

A JSON object a line on stdin: first labels and language_model, then turns, an answer each.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from pyctcdecode import build_ctcdecoder, constants


class Searcher:
    """A decoder, and the log-probabilities that `ds2kit decode --save-log-probs` kept."""

    def __init__(self, labels: list[str], language_model: str) -> None:
        self.decoder = build_ctcdecoder(labels, language_model)
        self.splits: dict[str, dict[str, Any]] = {}
        gc.collect()
        gc.freeze()  # as in the other process: what was loaded is no garbage

    def turn(
        self,
        folder: str,
        keys: list[str],
        alpha: float = constants.DEFAULT_ALPHA,
        beta: float = constants.DEFAULT_BETA,
        beam_width: int = constants.DEFAULT_BEAM_WIDTH,
    ) -> dict[str, Any]:
        """The texts, and the processor seconds from log-probabilities in memory to text."""
        self.decoder.reset_params(alpha=alpha, beta=beta)
        values = self.splits.get(folder) or self.splits.setdefault(folder, log_probs(Path(folder)))
        ready = [np.array(values[key]) for key in keys]
        begin = time.process_time()
        texts = [self.decoder.decode(one, beam_width=beam_width) for one in ready]
        return {"texts": texts, "seconds": time.process_time() - begin}


def log_probs(folder: Path) -> dict[str, Any]:
    """[frames, vocabulary] by key; the format is that of ds2kit/decoding/log_probs.py."""
    vocabulary = json.loads((folder / "about.json").read_text(encoding="utf-8"))["vocabulary"]
    values = np.fromfile(folder / "values.f32", "<f4").reshape(-1, vocabulary)
    found, begin = {}, 0
    for line in (folder / "utterances.jsonl").read_text(encoding="utf-8").splitlines():
        utterance = json.loads(line)
        found[utterance["key"]] = values[begin : begin + utterance["frames"]]
        begin += utterance["frames"]
    return found


def main() -> None:
    searcher = Searcher(**json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        print(json.dumps(searcher.turn(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
