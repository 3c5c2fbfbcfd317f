"""Our loader beside a plain torch DataLoader over single FLAC files: same batches, same workers.

    python benchmarks/loading.py [SPLIT] [--json]

SPLIT is a prepared split at 16 kHz; without one, recordings are synthesised. Files lie in the page
cache both times.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

from ds2kit.data.batches import Loader, Selection, Steps
from ds2kit.data.index import Index
from ds2kit.data.plan import EpochPlan, plan
from ds2kit.data.reading import read_payloads
from ds2kit.data.shards import write_split
from ds2kit.text.char import Char
from ds2kit.types import Utterance

SAMPLE_RATE = 16000
SECONDS_PER_STEP = 160.0
REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("split", nargs="?", type=Path, help="folder of a prepared split")
    parser.add_argument("--utterances", type=int, default=3000, help="how many to synthesise")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        split = chosen.split or Path(folder) / "train"
        if chosen.split is None:
            write_split(split, recordings(chosen.utterances), made_from={})
        figures = compared(Index.load(split), Path(folder) / "files", chosen.workers)
    if chosen.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        print(f"{name:36} {figure:10,.4g}")


def compared(index: Index, files: Path, workers: int) -> dict[str, float]:
    """Medians of a few rounds in which the two take turns."""
    tokenizer = Char.learn(index.texts)
    epoch = plan([index.seconds], weights=[1.0], seed=1, epoch=1, seconds_per_step=SECONDS_PER_STEP)
    steps = Steps(Selection.of(index), epoch, tokenizer, sample_rate=SAMPLE_RATE)
    single = SingleFiles(index, files, tokenizer)
    makers: dict[str, Callable[[], Iterable[object]]] = {
        "ds2kit": lambda: Loader(steps, workers=workers),
        "plain": lambda: plain_loader(single, epoch, workers),
    }
    rounds = [(name, *timed(make)) for _ in range(REPEATS) for name, make in makers.items()]
    figures: dict[str, float] = {
        "utterances": len(index),
        "batches": len(epoch),
        "workers": workers,
    }
    for name in makers:
        its = [taken for its_name, *taken in rounds if its_name == name]
        first, whole, processor = (statistics.median(column) for column in zip(*its, strict=True))
        figures[f"{name}_seconds_to_first_batch"] = first
        figures[f"{name}_utterances_per_second"] = len(index) / whole
        figures[f"{name}_cpu_ms_per_utterance"] = 1000 * processor / len(index)
    figures["speed_of_ds2kit_over_plain"] = (
        figures["ds2kit_utterances_per_second"] / figures["plain_utterances_per_second"]
    )
    return figures


def timed(make: Callable[[], Iterable[object]]) -> tuple[float, float, float]:
    """Seconds to the first batch and to the last, making the loader included; and of CPU.

    The last does not change with what else the machine does.
    """
    begin, worked = time.perf_counter(), cpu_seconds()
    batches = iter(make())
    next(batches)
    first = time.perf_counter() - begin
    for _ in batches:
        pass
    whole = time.perf_counter() - begin
    del batches
    gc.collect()
    return first, whole, cpu_seconds() - worked


def cpu_seconds() -> float:
    """Of this process and of the workers that have ended."""
    taken = os.times()
    return taken.user + taken.system + taken.children_user + taken.children_system


class SingleFiles(Dataset[tuple[Tensor, Tensor]]):
    """One FLAC file an utterance, as tutorials have it: (waveform, token ids)."""

    def __init__(self, index: Index, folder: Path, tokenizer: Char) -> None:
        folder.mkdir()
        self.texts, self.tokenizer, self.files = index.texts, tokenizer, []
        for i in range(len(index)):
            self.files.append(folder / f"{i:08}.flac")
            payload = read_payloads([(index.folder, index.row(i))], most_reads=1)[0]
            self.files[-1].write_bytes(payload)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        waveform, _ = soundfile.read(self.files[i], dtype="float32")
        return torch.from_numpy(waveform), torch.tensor(self.tokenizer.encode(self.texts[i]))


def plain_loader(
    single: SingleFiles, epoch: EpochPlan, workers: int
) -> DataLoader[tuple[Tensor, Tensor]]:
    steps = [epoch.step(i).utterances.tolist() for i in range(len(epoch))]
    return DataLoader(single, batch_sampler=steps, num_workers=workers, collate_fn=padded)


def padded(items: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    waveforms, tokens = [item[0] for item in items], [item[1] for item in items]
    return (
        pad_sequence(waveforms, batch_first=True),
        torch.tensor([len(waveform) for waveform in waveforms]),
        pad_sequence(tokens, batch_first=True),
        torch.tensor([len(ids) for ids in tokens]),
    )


def recordings(count: int) -> Iterator[Utterance]:
    """Noise of 1 to 12 s with the spectrum and the pauses of speech, roughly."""
    draw = np.random.default_rng(0)
    for i in range(count):
        samples = int(draw.uniform(1.0, 12.0) * SAMPLE_RATE)
        rough = np.convolve(draw.standard_normal(samples), np.ones(12) / 12, mode="same")
        loud = np.abs(np.sin(np.arange(samples) * draw.uniform(2e-4, 4e-4))) ** 3
        file = io.BytesIO()
        soundfile.write(file, 0.3 * rough * loud, SAMPLE_RATE, format="FLAC")
        yield Utterance(f"utterance-{i}", file.getvalue(), "the quick brown fox" * (1 + i % 3))


if __name__ == "__main__":
    main()
