"""`ds2kit tokens` on prepared transcripts, by the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ds2kit import builtin
from ds2kit.audio.write import wav
from ds2kit.data.index import Index
from ds2kit.data.shards import write_split
from ds2kit.errors import UserError
from ds2kit.hooks import hookimpl
from ds2kit.registry import Plugin, Toolkit
from ds2kit.text.char import Char
from ds2kit.types import Utterance


def rows(ran: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.out.splitlines()]


class Picky(Char):
    """A tokenizer with an option, which learns nothing by default."""

    @classmethod
    def learn(cls, texts: Iterable[str], *, size: int = 500) -> Picky:
        if size > 5:
            raise UserError(f"picky: size is {size}; set tokenizer.size=5")
        return cls(sorted({symbol for text in texts for symbol in text}))


@hookimpl
def ds2kit_components() -> Iterator[tuple[str, str, str]]:
    yield "tokenizer", "picky", "tokens_test_plugin:Picky"


@pytest.fixture
def picky(monkeypatch: pytest.MonkeyPatch) -> None:
    """Picky is installed beside the core, and nothing else."""
    made = ModuleType("tokens_test_plugin")
    vars(made).update(Picky=Picky, ds2kit_components=ds2kit_components)
    monkeypatch.setitem(sys.modules, "tokens_test_plugin", made)
    core = Plugin("core", "ds2kit", "0.1.0", lambda: builtin)
    toolkit = Toolkit([core, Plugin("picky", "ds2kit-picky", "1.0", lambda: made)])
    monkeypatch.setattr(Toolkit, "installed", lambda: toolkit)


def test_a_table_and_the_same_in_json(
    ds2kit: Callable[..., Any], tiny_yaml: Path, tiny_data: Path
) -> None:
    table = ds2kit("tokens", tiny_yaml, "--tokenizer", "char")
    [row] = rows(ds2kit("tokens", tiny_yaml, "--tokenizer", "char", "--json"))

    index = Index.load(tiny_data / "train")
    tokens = sum(map(len, index.texts))
    assert row["tokenizer"] == "char"
    assert row["options"] == {"lowercase": False}
    assert row["vocabulary"] == len(set("".join(index.texts))) + 1
    assert row["tokens_per_second"] == pytest.approx(tokens / index.seconds.sum())
    assert row["tokens_per_word"] == pytest.approx(
        tokens / sum(len(text.split()) for text in index.texts)
    )
    assert set(row["unalignable"]) == {"2", "3", "4"}
    [heading, columns, line] = table.out.splitlines()
    assert len(heading) == len(columns) == len(line)
    assert line.split()[:3] == ["char", "6", f"{row['tokens_per_second']:.2f}"]
    assert "char: learning from 48 transcripts" in table.err


@pytest.mark.usefixtures("picky")
def test_every_installed_one_the_configs_own_first(
    ds2kit: Callable[..., Any], tiny_yaml: Path
) -> None:
    own = ds2kit("tokens", tiny_yaml, "tokenizer={name: picky, size: 4}", "--json")

    assert [(row["tokenizer"], row["options"]) for row in rows(own)] == [
        ("picky", {"lowercase": False, "size": 4}),
        ("char", {"lowercase": False}),
    ]
    assert own.status == 0


@pytest.mark.usefixtures("picky")
def test_one_that_learns_nothing_says_why_beside_the_others(
    ds2kit: Callable[..., Any], tiny_yaml: Path
) -> None:
    table = ds2kit("tokens", tiny_yaml)
    both = rows(ds2kit("tokens", tiny_yaml, "--json"))

    assert table.status == 0
    assert "picky     picky: size is 500; set tokenizer.size=5" in table.out
    assert [row["tokenizer"] for row in both] == ["char", "picky"]
    assert both[1]["error"] == "picky: size is 500; set tokenizer.size=5"


@pytest.mark.usefixtures("picky")
def test_those_that_are_asked_for_with_options(ds2kit: Callable[..., Any], tiny_yaml: Path) -> None:
    asked = ["--tokenizer", "{name: picky, size: 3}", "--tokenizer", "{name: char, lowercase: on}"]
    table = ds2kit("tokens", tiny_yaml, *asked)
    refused = ds2kit("tokens", tiny_yaml, "--tokenizer", "picky")

    names = [line[:20].strip() for line in table.out.splitlines()[2:]]
    assert names == ["picky size=3", "char lowercase=true"]
    assert (refused.status, refused.err.splitlines()[-1]) == (
        1,
        "ds2kit: picky: size is 500; set tokenizer.size=5",
    )


def test_a_language_without_spaces_has_no_words(ds2kit: Callable[..., Any], tmp_path: Path) -> None:
    write(tmp_path / "data", {"train": ["今天", "天气 好"], "dev": ["今天"]})
    (tmp_path / "c.yaml").write_text("corpus: {data: data}\ndata: {sample_rate: 8000}\n")

    [row] = rows(ds2kit("tokens", tmp_path / "c.yaml", "--tokenizer", "char", "--json"))
    table = ds2kit("tokens", tmp_path / "c.yaml", "--tokenizer", "char")

    assert (row["tokens_per_word"], row["new_words"]) == (None, None)
    assert table.out.splitlines()[-1].split()[-1] == "-"


def write(data: Path, texts: dict[str, list[str]]) -> None:
    silence = wav([0.0] * 8000, 8000)
    for split, said in texts.items():
        utterances = [Utterance(f"{split}{i}", silence, text) for i, text in enumerate(said)]
        write_split(data / split, utterances, made_from={})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--tokenizer", "chra"], "no tokenizer is called 'chra'; did you mean 'char'?"),
        (["--tokenizer", "sentencepiece2"], "no tokenizer is called 'sentencepiece2'"),
        (["--tokenizer", "{name: char"], "cannot be read as yaml"),
        (["--tokenizer", "{name: char, pairs: 3}"], "tokenizer.pairs is not an option"),
        (["corpus.data=nowhere"], "there is no folder"),
        (["corpus.dev=deb"], "split 'deb' is missing"),
        (["corpus.train=mute"], "no utterance of mute has a transcript"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    ds2kit: Callable[..., Any],
    tmp_path: Path,
    arguments: list[str],
    told: str,
) -> None:
    write(tmp_path / "data", {"train": ["a b"], "dev": ["b a"], "mute": ["", " "]})
    (tmp_path / "c.yaml").write_text("corpus: {data: data}\ndata: {sample_rate: 8000}\n")

    ran = ds2kit("tokens", tmp_path / "c.yaml", *arguments)

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert told in ran.err


def test_a_config_without_a_corpus(ds2kit: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("data: {sample_rate: 8000}\n")
    ran = ds2kit("tokens", tmp_path / "c.yaml")
    assert (ran.status, "corpus is missing" in ran.err) == (1, True)
