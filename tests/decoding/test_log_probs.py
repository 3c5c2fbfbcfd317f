"""Log-probabilities on the disk: exactly those of the network, whole or not at all."""

from __future__ import annotations

import json
import resource
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ds2kit.decoding.log_probs import ABOUT, UTTERANCES, VALUES, LogProbs, find, keep
from ds2kit.decoding.network import Heard
from ds2kit.errors import UserError

LENGTHS = (0, 3, 5, 1, 8, 2)
VOCABULARY = 4
DIGESTS = {"model_digest": "m", "index_digest": "i"}


class Network:
    """Hears what it likes, two utterances at a time, and says how often it was asked."""

    def __init__(self, lengths: tuple[int, ...] = LENGTHS, model: str = "m") -> None:
        keys = [f"say ü/{i}" for i in range(len(lengths))]
        self.index = SimpleNamespace(keys=keys)
        self.tokenizer = SimpleNamespace(size=VOCABULARY)
        self.digests = DIGESTS | {"model_digest": model}
        draw = np.random.default_rng(len(model))
        self.heard = {
            key: Heard(
                key, length / 7, 0.02, draw.standard_normal((length, VOCABULARY)).astype("f4")
            )
            for key, length in zip(keys, lengths, strict=True)
        }
        self.asked: list[str] = []

    def hear(self, rows: NDArray[np.int64]) -> Iterator[list[Heard]]:
        keys = [self.index.keys[row] for row in rows[::-1]]
        for begin in range(0, len(keys), 2):
            self.asked += keys[begin : begin + 2]
            yield [self.heard[key] for key in keys[begin : begin + 2]]


def kept(folder: Path, network: Any, stop_after: int = -1) -> LogProbs:
    """All, or an interrupt after so many batches."""
    batches = 0

    def count() -> None:
        nonlocal batches
        batches += 1
        if batches == stop_after:
            raise KeyboardInterrupt

    return keep(folder, network, between=count)


def check(found: LogProbs, network: Network) -> None:
    assert sorted(found.keys) == sorted(network.heard)
    for key, frames in zip(found.keys, found.frames, strict=True):
        expected = network.heard[key]
        np.testing.assert_array_equal(found[key], expected.log_probs)
        assert frames == len(expected.log_probs)
        assert found[key].dtype == np.float32
        heard = found.heard(key)
        assert (heard.key, heard.seconds, heard.frame_seconds) == (key, expected.seconds, 0.02)


def test_they_are_those_of_the_network(tmp_path: Path) -> None:
    network, told = Network(), list[float]()
    folder = tmp_path / "log_probs"

    found = keep(folder, network, done=told.append)  # type: ignore[arg-type]

    check(found, network)
    check(LogProbs(folder), network)
    assert sum(told) == pytest.approx(sum(LENGTHS) / 7)
    assert sorted(path.name for path in folder.iterdir()) == [ABOUT, UTTERANCES, VALUES]
    assert [path.name for path in tmp_path.iterdir()] == ["log_probs"]


def test_anybody_can_read_them(tmp_path: Path) -> None:
    """As the module says: no ds2kit is needed."""
    network = Network()
    found = kept(tmp_path / "d", network)

    lines = (tmp_path / "d" / UTTERANCES).read_text(encoding="utf-8").splitlines()
    values = np.fromfile(tmp_path / "d" / VALUES, "<f4").reshape(-1, VOCABULARY)

    assert [json.loads(line)["key"] for line in lines] == list(found.keys)
    np.testing.assert_array_equal(
        values, np.concatenate([network.heard[key].log_probs for key in found.keys])
    )


def test_torch_takes_them_and_the_file_is_left_alone(tmp_path: Path) -> None:
    network = Network()
    found = kept(tmp_path / "d", network)
    before = (tmp_path / "d" / VALUES).read_bytes()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.from_numpy(found[found.keys[0]]).zero_()

    assert (tmp_path / "d" / VALUES).read_bytes() == before


def test_some_are_heard_in_batches_the_longest_first(tmp_path: Path) -> None:
    network = Network()
    found = kept(tmp_path / "d", network)

    batches = list(found.hear(network.index, np.array([1, 3, 4])))  # type: ignore[arg-type]

    assert [one.key for batch in batches for one in batch] == [
        network.index.keys[i] for i in (4, 3, 1)
    ]


def test_nothing_at_all(tmp_path: Path) -> None:
    for lengths in ((), (0, 0)):
        found = kept(tmp_path / str(len(lengths)), Network(lengths))
        assert len(found) == len(lengths)
        assert all(found[key].shape == (0, VOCABULARY) for key in found.keys)


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_goes_on_where_it_was_stopped(tmp_path: Path, stop_after: int) -> None:
    first, second, folder = Network(), Network(), tmp_path / "log_probs"

    with pytest.raises(KeyboardInterrupt):
        kept(folder, first, stop_after)
    assert not folder.exists()
    found = kept(folder, second)

    check(found, first)
    assert sorted(first.asked + second.asked) == sorted(first.heard)


def test_goes_on_wherever_the_files_were_cut(tmp_path: Path) -> None:
    """Values are written before the lines that tell of them, so there may be more of them."""
    network, folder = Network(), tmp_path / "begun"
    with pytest.raises(KeyboardInterrupt):
        kept(folder, network, 2)
    aside = tmp_path / ".begun.partial"
    lines, values = ((aside / name).read_bytes() for name in (UTTERANCES, VALUES))
    for cut, more in ((0, b""), (5, b""), (len(lines) - 1, b"abc"), (len(lines), b"12345678")):
        again, copy = Network(), tmp_path / f".at_{cut}.partial"
        shutil.copytree(aside, copy)
        (copy / UTTERANCES).write_bytes(lines[:cut])
        (copy / VALUES).write_bytes(values + more)

        check(kept(tmp_path / f"at_{cut}", again), network)

        assert len(again.asked) == len(LENGTHS) - lines[:cut].count(b"\n")


def test_what_was_begun_by_another_model_is_begun_anew(tmp_path: Path) -> None:
    other = Network(model="another")
    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path / "d", Network(), 2)

    check(kept(tmp_path / "d", other), other)

    assert sorted(other.asked) == sorted(other.heard)


def test_lost_values_are_heard_again(tmp_path: Path) -> None:
    """As after a power failure: lines that tell of more than there is."""
    network = Network()
    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path / "d", network, 2)
    (tmp_path / ".d.partial" / VALUES).write_bytes(b"")

    check(kept(tmp_path / "d", Network()), network)


def test_others_are_replaced(tmp_path: Path) -> None:
    kept(tmp_path / "d", Network())
    other = Network(model="another")

    check(kept(tmp_path / "d", other), other)


def test_they_are_found_where_they_fit(tmp_path: Path) -> None:
    network, said = Network(), list[str]()
    kept(tmp_path / "d", network)

    assert find(tmp_path / "none", DIGESTS, said.append) is None
    assert said == []
    found = find(tmp_path / "d", DIGESTS, said.append)
    assert found is not None
    check(found, network)
    assert said == [f"log-probabilities from {tmp_path / 'd'}; the network is not run"]


@pytest.mark.parametrize(
    ("digests", "told"),
    [
        ({"model_digest": "other"}, "is of another model; not used"),
        ({"index_digest": "other"}, "is of another index; not used"),
    ],
)
def test_those_of_others_are_not_used(tmp_path: Path, digests: dict[str, str], told: str) -> None:
    kept(tmp_path / "d", Network())
    said: list[str] = []

    assert find(tmp_path / "d", DIGESTS | digests, said.append) is None
    assert said == [f"{tmp_path / 'd'} {told}"]


@pytest.mark.parametrize("name", [ABOUT, UTTERANCES, VALUES])
def test_damaged_ones_are_named_and_not_used(tmp_path: Path, name: str) -> None:
    kept(tmp_path / "d", Network())
    path = tmp_path / "d" / name
    said: list[str] = []
    for damage in ("cut", "gone"):
        path.write_bytes(path.read_bytes()[:-9]) if damage == "cut" else path.unlink()

        with pytest.raises(UserError, match=r"d is damaged \(.*\); remove it to make it anew"):
            LogProbs(tmp_path / "d")
        assert find(tmp_path / "d", DIGESTS, said.append) is None
    assert all("not used" in line for line in said)


def test_a_full_disk_is_one_line_and_gone_on_from(tmp_path: Path) -> None:
    network = Network((5000, 5000, 5000))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(UserError, match="d could not be written: File too large; make room"):
            kept(tmp_path / "d", network)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert not (tmp_path / "d").exists()
    check(kept(tmp_path / "d", Network((5000, 5000, 5000))), network)
