"""Batches: what is in them, in what order, and that workers and ranks change nothing."""

from __future__ import annotations

import io
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from ds2kit.audio.read import read
from ds2kit.data.augment import Gain, Noise
from ds2kit.data.batches import (
    Batch,
    Loader,
    Selection,
    Steps,
    evaluation_steps,
    generator,
    utterance_seed,
)
from ds2kit.data.index import Index
from ds2kit.data.plan import EpochPlan, plan
from ds2kit.data.shards import write_split
from ds2kit.errors import UserError
from ds2kit.text.char import Char
from ds2kit.types import Utterance

RATE = 8000
TOKENIZER = Char("abc ")
AUGMENTATIONS = (Gain(RATE), Noise(RATE, share=0.7))


def flac(samples: int, seed: int, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    noise = 0.1 * np.random.default_rng(seed).standard_normal(samples)
    soundfile.write(file, noise, rate, format="FLAC")
    return file.getvalue()


def recordings(count: int, name: str = "u") -> Iterator[Utterance]:
    for i in range(count):
        samples = 800 + 137 * (i * 7 % count)
        text = "abc a"[: 1 + i % 5]
        yield Utterance(f"{name}/{i:03}", flac(samples, i), text, speaker=f"s{i % 3}")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("data") / "train"
    write_split(folder, recordings(40), made_from={}, shard_bytes=60_000)
    return Index.load(folder)


def planned(*indexes: Index, epoch: int = 1, weights: Sequence[float] = (1.0,)) -> EpochPlan:
    return plan(
        [index.seconds for index in indexes],
        weights=weights,
        seed=5,
        epoch=epoch,
        seconds_per_step=4.0,
        speeds=(0.9, 1.0, 1.1),
    )


def steps_of(
    index: Index,
    epoch_plan: EpochPlan,
    augmentations: Any = AUGMENTATIONS,
    rank: int = 0,
    ranks: int = 1,
    reads_per_batch: int = 8,
) -> Steps:
    return Steps(
        Selection.of(index),
        epoch_plan,
        TOKENIZER,
        sample_rate=RATE,
        seed=5,
        augmentations=augmentations,
        rank=rank,
        ranks=ranks,
        reads_per_batch=reads_per_batch,
    )


def waveforms_of(batches: Sequence[Batch]) -> dict[str, NDArray[np.float32]]:
    return {
        key: values[:length].numpy()
        for batch in batches
        for key, values, length in zip(
            batch.keys, batch.waveforms.values, batch.waveforms.lengths, strict=False
        )
    }


def assert_equal(one: Batch, other: Batch) -> None:
    assert (one.keys, one.texts, one.draws) == (other.keys, other.texts, other.draws)
    assert (one.step, one.epoch, one.count) == (other.step, other.epoch, other.count)
    for name in ("waveforms", "tokens"):
        ours, theirs = getattr(one, name), getattr(other, name)
        torch.testing.assert_close(ours.values, theirs.values, rtol=0, atol=0)
        assert ours.lengths.tolist() == theirs.lengths.tolist()


def test_a_batch_is_its_step_read_padded_and_tokenized(index: Index) -> None:
    epoch_plan = planned(index)
    by_key = {utterance.key: utterance for utterance in recordings(40)}
    for i, batch in enumerate(Loader(steps_of(index, epoch_plan, ()), workers=0)):
        step = epoch_plan.step(i)
        assert batch.keys == tuple(index.keys[u] for u in step.utterances)
        assert (batch.step, batch.epoch, batch.count) == (i, 1, len(step))
        assert batch.seconds == pytest.approx(float(batch.waveforms.lengths.sum()) / RATE)
        assert batch.waveforms.lengths.dtype == torch.int64
        for row, (key, speed) in enumerate(zip(batch.keys, step.speeds, strict=True)):
            audio = by_key[key].audio
            assert isinstance(audio, bytes)
            expected = read(audio, RATE, speed=float(speed))
            length = int(batch.waveforms.lengths[row])
            np.testing.assert_array_equal(batch.waveforms.values[row, :length], expected)
            assert not batch.waveforms.values[row, length:].any()
            labels = batch.tokens.values[row, : batch.tokens.lengths[row]].tolist()
            assert TOKENIZER.decode(labels) == TOKENIZER.normalise(by_key[key].text)
            assert batch.texts[row] == by_key[key].text


def test_lengths_are_those_that_the_index_promises(index: Index) -> None:
    epoch_plan = planned(index)
    for batch in Loader(steps_of(index, epoch_plan), workers=0):
        step = epoch_plan.step(batch.step)
        promised = [
            int(index.samples_at(RATE, float(speed))[utterance])
            for utterance, speed in zip(step.utterances, step.speeds, strict=True)
        ]
        assert batch.waveforms.lengths.tolist() == promised


def test_workers_and_the_place_of_starting_change_nothing(index: Index) -> None:
    steps = steps_of(index, planned(index))
    alone = list(Loader(steps, workers=0))
    shared = list(Loader(steps, workers=2))
    resumed = Loader(steps, workers=1, position=3)

    assert len(alone) == len(shared) == len(steps) > 4
    for one, other in zip(alone, shared, strict=True):
        assert_equal(one, other)
    assert len(resumed) == len(steps) - 3
    for one, other in zip(alone[3:], resumed, strict=True):
        assert_equal(one, other)


@pytest.mark.parametrize("ranks", [2, 3, 50])
def test_ranks_hear_together_what_one_hears_alone(index: Index, ranks: int) -> None:
    epoch_plan = planned(index)
    alone = list(Loader(steps_of(index, epoch_plan), workers=0))
    shares = [
        list(Loader(steps_of(index, epoch_plan, rank=rank, ranks=ranks), workers=0))
        for rank in range(ranks)
    ]

    expected, heard = waveforms_of(alone), {}
    for share in shares:
        assert [batch.count for batch in share] == [batch.count for batch in alone]
        part = waveforms_of(share)
        assert not heard.keys() & part.keys()
        heard |= part
    assert heard.keys() == expected.keys()
    for key, waveform in expected.items():
        np.testing.assert_array_equal(heard[key], waveform)


def test_an_empty_share_takes_part_with_silence(index: Index) -> None:
    epoch_plan = planned(index)
    batch = steps_of(index, epoch_plan, rank=49, ranks=50)[0]

    assert (batch.keys, batch.texts, batch.draws, batch.seconds) == ((), (), (), 0.0)
    assert batch.count == len(epoch_plan.step(0))
    assert batch.waveforms.values.shape == (1, RATE)
    assert batch.waveforms.lengths.tolist() == [0]
    assert batch.tokens.values.shape == (1, 0)
    assert batch.tokens.lengths.tolist() == [0]


def test_each_epoch_and_each_copy_is_augmented_otherwise(index: Index) -> None:
    first, second = (
        waveforms_of(list(Loader(steps_of(index, planned(index, epoch=e)), workers=0)))
        for e in (1, 2)
    )
    assert not any(np.array_equal(first[key], second[key]) for key in first)

    twice = steps_of(index, planned(index, weights=(2.0,)))
    draws = [draw for batch in Loader(twice, workers=0) for draw in batch.draws]
    assert len(set(draws)) == len(draws) == 2 * len(index)


def test_a_draw_depends_on_seed_epoch_key_and_stage() -> None:
    seeds = {utterance_seed(s, e, key) for s in (0, 1) for e in (0, 1) for key in ("a", "b")}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**64 for seed in seeds)
    assert utterance_seed(3, 1, "a") == utterance_seed(3, 1, "a")
    one, other = generator(7, "waveform"), generator(7, "features")
    assert one.random() != other.random()


def test_two_indexes_are_one(index: Index, tmp_path: Path) -> None:
    write_split(tmp_path / "more", recordings(6, "more"), made_from={})
    more = Index.load(tmp_path / "more")
    epoch_plan = planned(index, more, weights=(1.0, 2.0))
    steps = Steps(Selection.of(index, more), epoch_plan, TOKENIZER, sample_rate=RATE)

    keys = [key for batch in Loader(steps, workers=0) for key in batch.keys]

    assert sorted(keys) == sorted([*index.keys, *more.keys, *more.keys])


def test_evaluation_takes_everything_once_from_the_longest_whatever_the_ranks(
    index: Index,
) -> None:
    for ranks in (1, 3):
        keys: list[str] = []
        for rank in range(ranks):
            steps = evaluation_steps(
                Selection.of(index),
                TOKENIZER,
                sample_rate=RATE,
                seconds_per_step=4.0,
                rank=rank,
                ranks=ranks,
            )
            batches = list(Loader(steps, workers=0))
            assert len(batches) == len(steps)
            longest = [batch.waveforms.values.shape[1] for batch in batches if batch.keys]
            assert longest == sorted(longest, reverse=True)
            keys += [key for batch in batches for key in batch.keys]
        assert sorted(keys) == sorted(index.keys)


def test_a_selection_takes_only_its_rows(index: Index) -> None:
    rows = np.array([3, 17, 21])
    steps = evaluation_steps(
        Selection((index,), (rows,)), TOKENIZER, sample_rate=RATE, seconds_per_step=100.0
    )

    assert set(steps[0].keys) == {index.keys[i] for i in rows}
    assert len(steps) == 1


def test_foreign_symbols_are_refused_in_training_and_have_no_tokens_in_evaluation(
    tmp_path: Path,
) -> None:
    write_split(
        tmp_path / "dev",
        [Utterance("x", flac(4000, 1), "a!"), Utterance("y", flac(5000, 2), "ab")],
        made_from={},
    )
    index = Index.load(tmp_path / "dev")

    with pytest.raises(UserError, match=r"utterance 'x'.*'!'"):
        list(Loader(steps_of(index, planned(index)), workers=0))
    batch = evaluation_steps(
        Selection.of(index), TOKENIZER, sample_rate=RATE, seconds_per_step=100.0
    )[0]
    assert batch.keys == ("y", "x")
    assert batch.texts == ("ab", "a!")
    assert batch.tokens.lengths.tolist() == [2, 0]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_flipped_byte_is_one_line_that_names_key_and_shard(tmp_path: Path, workers: int) -> None:
    write_split(tmp_path / "train", recordings(12), made_from={})
    index = Index.load(tmp_path / "train")
    row = index.row(5)
    shard = tmp_path / "train" / row.shard
    data = bytearray(shard.read_bytes())
    data[row.offset + row.size // 2] ^= 1
    shard.write_bytes(data)

    with pytest.raises(UserError) as refused:
        list(Loader(steps_of(index, planned(index)), workers=workers))

    message = str(refused.value)
    assert type(refused.value) is UserError
    assert row.key in message
    assert str(shard) in message
    assert "\n" not in message
    assert not multiprocessing.active_children()


def test_no_worker_is_left_where_iterating_stops_early(index: Index) -> None:
    for _ in Loader(steps_of(index, planned(index)), workers=2):
        break

    assert not multiprocessing.active_children()


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    write_split(tmp_path / "train", recordings(4), made_from={})
    index = Index.load(tmp_path / "train")
    (tmp_path / "train" / index.row(0).shard).unlink()

    with pytest.raises(UserError, match=r"000000\.tar could not be read: No such file"):
        list(Loader(steps_of(index, planned(index)), workers=1))


def test_a_step_takes_few_reads(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    pread = os.pread

    def counted(descriptor: int, size: int, place: int) -> bytes:
        reads.append(size)
        return pread(descriptor, size, place)

    monkeypatch.setattr(os, "pread", counted)
    epoch_plan = planned(index)
    steps = steps_of(index, epoch_plan, (), reads_per_batch=2)
    for i in range(len(steps)):
        reads.clear()
        steps[i]
        shards = {index.row(int(u)).shard for u in epoch_plan.step(i).utterances}
        assert len(reads) <= max(2, len(shards))


def test_a_batch_moves_to_another_type(index: Index) -> None:
    batch = steps_of(index, planned(index))[0].to("cpu", torch.float64)

    assert batch.waveforms.values.dtype == torch.float64
    assert batch.tokens.values.dtype == torch.int64


def test_loading_draws_nothing_from_the_global_generator(index: Index) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    list(Loader(steps_of(index, planned(index)), workers=1))

    torch.testing.assert_close(torch.get_rng_state(), before)
