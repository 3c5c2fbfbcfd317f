"""Bad input of the commands that use a model: one line, status 1, what was there intact."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ds2kit.audio.write import wav
from ds2kit.data.index import Index

SOUND = wav(0.1 * np.random.default_rng(0).standard_normal(4000), 8000)


def claiming_hours() -> bytes:
    """A few bytes whose header claims 37 hours."""
    data = bytearray(SOUND[:200])
    data[4:8] = (2**31 + 36).to_bytes(4, "little")
    data[40:44] = (2**31).to_bytes(4, "little")
    return bytes(data)


def flac_claiming_hours() -> bytes:
    """A FLAC header, whose 36 bits for the number of samples are all set, and nothing after it."""
    information = bytearray(34)
    information[0:4] = (4096).to_bytes(2, "big") * 2
    information[10:18] = ((8000 << 44) | (15 << 36) | (2**36 - 1)).to_bytes(8, "big")
    return b"fLaC" + b"\x80\x00\x00\x22" + bytes(information)


FILES = {
    "empty.wav": (b"", "empty.wav is empty (0 bytes); expected audio"),
    "cut.wav": (SOUND[:3000], "cut.wav is cut off or damaged"),
    "header.wav": (SOUND[:30], "header.wav is cut off or damaged"),
    "silent.wav": (wav(np.zeros(0), 8000), "silent.wav holds no samples; expected sound"),
    "notes.txt": (b"Not audio, just words.\n" * 9, "notes.txt is not audio: expected wav"),
    "zeros.mp3": (bytes(5000), "zeros.mp3 is not audio"),
    "hours.wav": (claiming_hours(), "hours.wav is cut off or damaged"),
    "hours.flac": (flac_claiming_hours(), "hours.flac"),
}
"""What is in a file, and what is said of it."""


@dataclass
class Bench:
    """An experiment to spoil, and the command line."""

    command: Callable[..., Any]
    experiment: Path
    folder: Path

    def refused(self, told: str, *arguments: object) -> None:
        """The command says so in one line, and has written and changed nothing."""
        before = self.files()
        ran = self.command(*arguments)
        assert (ran.status, ran.out) == (1, ""), ran
        assert ran.err.startswith("ds2kit: ")
        assert ran.err.count("\n") == 1, ran.err
        assert told in ran.err
        assert self.files() == before

    def files(self) -> dict[str, bytes]:
        """Everything in the folder, but what `decode` needs to go on."""
        return {
            str(path): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name not in ("settings.json", "hypotheses.partial.jsonl")
        }


@pytest.fixture
def bench(ds2kit: Callable[..., Any], experiment: Path, tmp_path: Path) -> Bench:
    return Bench(ds2kit, experiment, tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_sound_that_is_none(bench: Bench, name: str) -> None:
    data, told = FILES[name]
    (bench.folder / name).write_bytes(data)

    tracemalloc.start()
    bench.refused(told, "transcribe", bench.experiment, bench.folder / name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 20e6  # a model, and not what a header claims


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.wav"], "nowhere.wav is not there; expected an audio file"),
        (["."], "could not be read: Is a directory"),
    ],
)
def test_no_file(bench: Bench, arguments: list[str], told: str) -> None:
    files = [bench.folder / name for name in arguments]

    bench.refused(told, "transcribe", bench.experiment, *files)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tset"], "split 'tset' is missing"),
        (["dev/../test"], "'dev/../test' is no split; expected its name alone"),
        (["/"], "is no split"),
        (["test", "encoder.width=9"], "'encoder.width=9' cannot be changed in a trained model"),
        (["test", "decoder.name=greddy"], "did you mean 'greedy'"),
        (["test", "decoder.beam=9"], "decoder.beam"),
        (["test", "decoder"], "'decoder' is no override; expected KEY=VALUE"),
        (["test", "corpus.data=nowhere"], "there is no folder"),
        (["test", "data.workers=-1"], "data.workers is -1"),
    ],
)
def test_a_decode_that_cannot_be(bench: Bench, arguments: list[str], told: str) -> None:
    bench.refused(told, "decode", bench.experiment, *arguments)
    assert not (bench.experiment / "decode").exists()


def test_a_flipped_byte_is_named_by_its_key(bench: Bench, tiny_data: Path) -> None:
    data = Path(shutil.copytree(tiny_data, bench.folder / "data"))
    row = Index.load(data / "test").row(5)
    shard = data / "test" / row.shard
    content = bytearray(shard.read_bytes())
    content[row.offset + row.size // 2] ^= 1
    shard.write_bytes(content)

    for workers in (0, 2):
        settings = [f"corpus.data={data}", f"data.workers={workers}", "data.seconds_per_step=1"]
        told = f"{shard}: utterance '{row.key}' is damaged (a wrong checksum)"
        bench.refused(told, "decode", bench.experiment, "test", *settings)


def test_a_shard_that_is_gone(bench: Bench, tiny_data: Path) -> None:
    data = Path(shutil.copytree(tiny_data, bench.folder / "data"))
    (data / "test" / "000000.tar").unlink()

    told = "000000.tar could not be read"
    bench.refused(told, "decode", bench.experiment, "test", f"corpus.data={data}")


def test_an_index_that_is_none(bench: Bench, tiny_data: Path) -> None:
    data = Path(shutil.copytree(tiny_data, bench.folder / "data"))
    (data / "test" / "index.parquet").write_bytes(b"PAR1 not")

    told = "index.parquet is no Parquet file"
    bench.refused(told, "decode", bench.experiment, "test", f"corpus.data={data}")


SPOILT = {
    "weights cut": ("weights.safetensors", lambda data: data[:1000], "cannot be read"),
    "weights empty": ("weights.safetensors", lambda data: b"", "cannot be read"),
    "weights of zeros": ("weights.safetensors", lambda data: bytes(len(data)), "cannot be read"),
    "weights that are text": ("weights.safetensors", lambda data: b"x" * 999, "cannot be read"),
    "tokenizer cut": ("tokenizer.json", lambda data: data[:20], "tokenizer.json is damaged"),
    "tokenizer of a list": ("tokenizer.json", lambda data: b"[]", "tokenizer.json is damaged"),
    "tokenizer of another": (
        "tokenizer.json",
        lambda data: data.replace(b'"name": "char"', b'"name": "bigram"'),
        "is of tokenizer 'bigram', the config of 'char'",
    ),
    "tokenizer with a symbol less": (
        "tokenizer.json",
        lambda data: data.replace(b'"b",', b""),
        "was trained with another tokenizer.json than lies beside it",
    ),
    "config cut": ("config.yaml", lambda data: data[: len(data) // 3] + b"\n  : [", "config.yaml"),
    "config empty": ("config.yaml", lambda data: b"", "it is of another tokenizer or of"),
    "config of bytes": ("config.yaml", lambda data: b"\xff\xfe\x00", "config.yaml"),
    "config of another": (
        "config.yaml",
        lambda data: data.replace(b"width: 24", b"width: 32"),
        "it is of another tokenizer or of other settings",
    ),
    "config of a stranger": (
        "config.yaml",
        lambda data: data.replace(b"deepspeech2", b"conformer").replace(b"ds2kit 0.1.0", b"x 9"),
        "no encoder is called 'conformer'",
    ),
}
"""A file of a model folder, what becomes of it, and what is said."""


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_damaged_model(bench: Bench, tone: Callable[..., Path], spoilt: str) -> None:
    name, damage, told = SPOILT[spoilt]
    path = bench.experiment / "model" / name
    data = path.read_bytes()
    assert damage(data) != data
    path.write_bytes(damage(data))

    bench.refused(told, "transcribe", bench.experiment / "model", tone())
    bench.refused(told, "describe", bench.experiment)
    bench.refused(told, "export", bench.experiment, bench.folder / "out")
    bench.refused(told, "decode", bench.experiment, "test")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tokenizer.json", "tokenizer.json is not there; it belongs to the model"),
        ("config.yaml", "is no model folder; expected config.yaml"),
        ("weights.safetensors", "lacks weights.safetensors; it belongs to the model"),
    ],
)
def test_a_model_folder_that_lacks_a_file(
    bench: Bench, tone: Callable[..., Path], name: str, told: str
) -> None:
    model = bench.experiment / "model"
    (model / name).unlink()

    bench.refused(told, "transcribe", model, tone())
    bench.refused(told, "export", model, bench.folder / "out")
    bench.refused(told, "describe", model)


def test_an_experiment_without_a_model(bench: Bench, tone: Callable[..., Path]) -> None:
    shutil.rmtree(bench.experiment / "model")

    told = "no model yet; it appears after the first epoch"
    bench.refused(told, "transcribe", bench.experiment, tone())
    bench.refused(told, "decode", bench.experiment, "test")
    bench.refused(told, "describe", bench.experiment)
    bench.refused(told, "export", bench.experiment, bench.folder / "out")


def test_what_is_no_experiment(bench: Bench) -> None:
    (bench.folder / "empty").mkdir()
    for nothing in (bench.folder / "empty", bench.folder / "nowhere"):
        bench.refused("neither an experiment", "decode", nothing, "test")
        bench.refused(f"ds2kit: {nothing} ", "score", nothing, "test")
        bench.refused("is no experiment", "plot", nothing)
        bench.refused("neither an experiment", "export", nothing, bench.folder / "out")
    bench.refused("nowhere.yaml is not there", "describe", bench.folder / "nowhere.yaml")


def test_a_score_of_what_was_not_decoded(bench: Bench) -> None:
    bench.refused("`ds2kit decode", "score", bench.experiment, "test")


def test_hypotheses_that_were_cut(bench: Bench) -> None:
    bench.command("decode", bench.experiment, "test")
    path = bench.experiment / "decode" / "test" / "greedy" / "hypotheses.jsonl"
    path.write_bytes(path.read_bytes()[:-20])

    bench.refused("hypotheses.jsonl, line 12", "score", bench.experiment, "test")


def test_weights_that_changed_since_the_decode(bench: Bench) -> None:
    bench.command("decode", bench.experiment, "test")
    path = bench.experiment / "model" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    told = "was begun with other settings; remove it to decode anew: model_digest"
    bench.refused(told, "decode", bench.experiment, "test")
