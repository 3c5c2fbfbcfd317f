"""Steps of a plan as batches: read, checked, decoded, augmented, tokenized and padded."""

from __future__ import annotations

import ctypes
import hashlib
import signal
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, get_worker_info

from ds2kit.audio.read import read
from ds2kit.components import Tokenizer, WaveformAugmentation
from ds2kit.data.index import Index, Row
from ds2kit.data.plan import EpochPlan, Step, once, share
from ds2kit.data.reading import read_payloads
from ds2kit.errors import UserError
from ds2kit.types import Padded


@dataclass(frozen=True, eq=False)
class Batch:
    """One rank's share of a step.

    Where there are more ranks than utterances, a share is empty: keys, texts and draws are (), and
    the rank takes part in the step with one utterance of length 0 in a second of silence.

    keys:      [batch]
    waveforms: [batch, samples] float32
    tokens:    [batch, labels] int64
    texts:     [batch], as in the index
    count:     utterances of the step over all ranks
    epoch:     from 0
    step:      place in the epoch's plan
    seconds:   of audio in this share, as it is played, without padding
    draws:     [batch], seeds of the augmentations, each for this utterance in this epoch alone
    """

    keys: tuple[str, ...]
    waveforms: Padded
    tokens: Padded
    texts: tuple[str, ...]
    count: int
    epoch: int
    step: int
    seconds: float
    draws: tuple[int, ...]

    def to(self, device: torch.device | str, dtype: torch.dtype = torch.float32) -> Batch:
        """The same on another device, with waveforms of another type."""
        waveforms = self.waveforms.values.to(device, dtype, non_blocking=True)
        lengths = self.waveforms.lengths.to(device, non_blocking=True)
        tokens = self.tokens.values.to(device, non_blocking=True)
        labels = self.tokens.lengths.to(device, non_blocking=True)
        return replace(self, waveforms=Padded(waveforms, lengths), tokens=Padded(tokens, labels))


@dataclass(frozen=True)
class Selection:
    """Some utterances of one or several indexes, numbered as if joined.

    rows: of each index, the positions that are taken; `Selection.of` takes all
    """

    indexes: tuple[Index, ...]
    rows: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, *indexes: Index) -> Selection:
        """Everything in the indexes."""
        return cls(indexes, tuple(np.arange(len(index)) for index in indexes))

    @property
    def seconds(self) -> list[NDArray[np.float64]]:
        """Durations of what is taken of each index, as `plan` wants them."""
        return [index.seconds[rows] for index, rows in zip(self.indexes, self.rows, strict=True)]

    def row(self, position: int) -> tuple[Path, Row]:
        """The folder of a split, and the utterance's row in its index."""
        for index, rows in zip(self.indexes, self.rows, strict=True):
            if position < len(rows):
                return index.folder, index.row(int(rows[position]))
            position -= len(rows)
        raise IndexError("a position beyond the last utterance")


class Steps(Dataset[Batch]):
    """The steps of a plan, as one rank sees them: item i is its share of step i.

    What is drawn for an utterance depends on (seed, epoch, key) alone.

    lenient: a transcript with foreign symbols gets no tokens, where it is else refused
    """

    def __init__(
        self,
        selection: Selection,
        plan: EpochPlan,
        tokenizer: Tokenizer,
        *,
        sample_rate: int,
        seed: int = 0,
        augmentations: Sequence[WaveformAugmentation] = (),
        rank: int = 0,
        ranks: int = 1,
        reads_per_batch: int = 8,
        lenient: bool = False,
    ) -> None:
        self.selection, self.plan, self.tokenizer = selection, plan, tokenizer
        self.sample_rate, self.seed, self.augmentations = sample_rate, seed, tuple(augmentations)
        self.rank, self.ranks = rank, ranks
        self.reads_per_batch, self.lenient = reads_per_batch, lenient

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, i: int) -> Batch:
        """Raises UserError for damaged speech, and IndexError beyond the last step."""
        step = self.plan.step(i)
        part = share(step, self.rank, self.ranks)
        if not len(part):
            return self._empty(i, len(step))
        wanted = [self.selection.row(position) for position in part.utterances.tolist()]
        rows = [row for _, row in wanted]
        draws = self._draws(rows, part)
        waveforms = self._waveforms(wanted, part, draws)
        return Batch(
            keys=tuple(row.key for row in rows),
            waveforms=_padded(waveforms),
            tokens=_padded([np.array(self._tokens(row), dtype=np.int64) for row in rows]),
            texts=tuple(row.text for row in rows),
            count=len(step),
            epoch=self.plan.epoch,
            step=i,
            seconds=sum(map(len, waveforms)) / self.sample_rate,
            draws=draws,
        )

    def _draws(self, rows: Sequence[Row], part: Step) -> tuple[int, ...]:
        return tuple(
            utterance_seed(self.seed, self.plan.epoch, row.key, copy)
            for row, copy in zip(rows, part.copies.tolist(), strict=True)
        )

    def _waveforms(
        self, wanted: Sequence[tuple[Path, Row]], part: Step, draws: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        waveforms = []
        payloads = read_payloads(wanted, most_reads=self.reads_per_batch)
        for (folder, row), data, speed, draw in zip(
            wanted, payloads, part.speeds.tolist(), draws, strict=True
        ):
            name = f"{folder / row.shard}: {row.key}"
            waveform = read(data, self.sample_rate, name=name, speed=speed)
            source = generator(draw, "waveform")
            for augmentation in self.augmentations:
                waveform = augmentation(waveform, source)
            waveforms.append(waveform)
        return waveforms

    def _tokens(self, row: Row) -> list[int]:
        if self.lenient and self.tokenizer.foreign(row.text):
            return []
        try:
            return self.tokenizer.encode(row.text)
        except UserError as error:
            raise UserError(f"utterance {row.key!r}: {error}") from error

    def _empty(self, i: int, count: int) -> Batch:
        silence = Padded(torch.zeros(1, self.sample_rate), torch.zeros(1, dtype=torch.int64))
        nothing = Padded(torch.zeros(1, 0, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))
        return Batch((), silence, nothing, (), count, self.plan.epoch, i, 0.0, ())


def evaluation_steps(
    selection: Selection,
    tokenizer: Tokenizer,
    *,
    sample_rate: int,
    seconds_per_step: float,
    rank: int = 0,
    ranks: int = 1,
    reads_per_batch: int = 8,
) -> Steps:
    """Every utterance once as it was recorded, the longest first and nothing left out.

    A transcript with foreign symbols gets no tokens; its text stands in the batch all the same.
    """
    return Steps(
        selection,
        once(np.concatenate(selection.seconds), seconds_per_step=seconds_per_step),
        tokenizer,
        sample_rate=sample_rate,
        rank=rank,
        ranks=ranks,
        reads_per_batch=reads_per_batch,
        lenient=True,
    )


class Loader:
    """The batches of steps from `position` on, in the plan's order, made by worker processes.

    Workers change the speed and nothing else; 0 makes the batches in this process. What a worker
    cannot read is raised here, as the UserError that it is, and so is a worker's death. An
    interrupt is this process's to handle: workers ignore it, and die with this process.
    """

    def __init__(self, steps: Dataset[Batch], *, workers: int, position: int = 0) -> None:
        self._places = range(position, len(steps))  # type: ignore[arg-type]
        self._batches: DataLoader[Any] = DataLoader(
            _Told(steps),
            batch_size=None,
            sampler=self._places,
            num_workers=workers,
            collate_fn=_as_it_is,
            worker_init_fn=begin_worker,
            # Of its own, so that starting workers does not draw from the global generator.
            generator=torch.Generator(),
        )

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Generator[Batch, None, None]:
        batches = iter(self._batches)
        try:
            while (batch := _following(batches)) is not None:
                if isinstance(batch, UserError):
                    raise batch
                yield batch
        finally:
            # Workers end when their iterator does: now, and not when a traceback that holds this
            # frame is collected (in an order in which their pipes would be closed twice).
            del batches


def _following(batches: Iterator[Any]) -> Batch | UserError | None:
    try:
        return next(batches, None)
    except RuntimeError as error:
        # torch watches its workers; the kernel kills them for memory, also for that of /dev/shm.
        if "DataLoader worker" not in str(error):
            raise
        return UserError(
            "a worker that makes batches was killed, as happens when memory or shared memory "
            "(/dev/shm) runs out; lower data.workers or data.seconds_per_step, or give it more"
        )


class _Told(Dataset[Any]):
    """A UserError as a value: raised in a worker, torch would wrap it in a traceback."""

    def __init__(self, steps: Dataset[Batch]) -> None:
        self.steps = steps

    def __getitem__(self, i: int) -> Batch | UserError:
        try:
            return self.steps[i]
        except UserError as error:
            return UserError(str(error))


def utterance_seed(seed: int, epoch: int, key: str, copy: int = 0) -> int:
    """64 bits for one utterance in one epoch; `copy` counts where an epoch takes it repeatedly."""
    place = f"{seed}/{epoch}/{copy}/{key}".encode()
    return int.from_bytes(hashlib.blake2b(place, digest_size=8).digest(), "little")


def generator(draw: int, stage: str) -> np.random.Generator:
    """A generator for one stage of an utterance's augmentation, from the batch's draw for it."""
    return np.random.default_rng([draw, *stage.encode()])


def _padded(sequences: Sequence[NDArray[Any]]) -> Padded:
    lengths = [len(sequence) for sequence in sequences]
    dtype = torch.from_numpy(sequences[0]).dtype
    values = torch.empty(len(sequences), max(lengths), dtype=dtype)
    if get_worker_info() is not None:
        # Filled where the other process sees it, else torch would copy it there.
        values.share_memory_()  # type: ignore[no-untyped-call]
    for row, sequence in zip(values.numpy(), sequences, strict=True):
        row[: len(sequence)] = sequence
        row[len(sequence) :] = 0
    return Padded(values, torch.tensor(lengths))


def _as_it_is(batch: Any) -> Any:
    return batch


def begin_worker(worker: int = 0) -> None:
    """What a process does first that works for this one: it ends with it, and when told by it."""
    # A terminal, or a scheduler, sends these to all processes of a command.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)
    if sys.platform == "linux":
        # torch's workers ask every few seconds whether their parent lives, and can hang in a full
        # pipe when it does not. The kernel knows at once (1 is PR_SET_PDEATHSIG).
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
