"""`ds2kit lm`: from a text to an ARPA file, by the command line."""

from __future__ import annotations

import gzip
import lzma
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ds2kit.data.index import Index
from ds2kit.lm.arpa import read_arpa

TEXT = "The cat, it sat.\nthe cat sat\n\nthe dog sat on the mat with a cat\n"


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_a_model_of_words(ds2kit: Callable[..., Any], text: Path, tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa.gz"

    ran = ds2kit("lm", text, "--order", 2, "--output", path, "--normaliser", "plain")

    assert (ran.status, ran.out) == (0, f"{path}\n")
    assert "3 sentences, 16 words, 9 different" in ran.err
    assert "2-grams: 15; discounts 0.500 1.000 1.500 (fixed ones" in ran.err
    model = read_arpa(path)
    assert (model.unit, model.order, len(model.units)) == ("word", 2, 12)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_packed_texts_give_the_same_bytes(
    ds2kit: Callable[..., Any], text: Path, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "packed").write_bytes(pack(TEXT.encode()))
    made = []
    for source in (text, tmp_path / "packed"):
        assert ds2kit("lm", source, "--output", tmp_path / "lm.arpa.gz").status == 0
        made.append((tmp_path / "lm.arpa.gz").read_bytes())

    assert made[0] == made[1]


def test_pruning_as_lmplz_takes_it(ds2kit: Callable[..., Any], text: Path, tmp_path: Path) -> None:
    """`the cat` begins two sentences; all other runs of three are there once."""
    path = tmp_path / "lm.arpa"
    ran = ds2kit("lm", text, "--prune", 0, 0, 1, "--normaliser", "plain", "--output", path)

    assert ran.status == 0
    assert "3-grams: 1, 14 pruned; discounts" in ran.err
    assert [len(level) for level in read_arpa(path).levels] == [12, 15, 1]


def test_where_nothing_long_is_left(ds2kit: Callable[..., Any], text: Path, tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    ran = ds2kit("lm", text, "--prune", 0, 0, 2, "--order", 4, "--output", path)

    assert "no n-gram longer than 2 is left: that is the model's order" in ran.err
    assert read_arpa(path).order == 2


def test_a_limited_vocabulary(ds2kit: Callable[..., Any], text: Path, tmp_path: Path) -> None:
    ran = ds2kit("lm", text, "--vocabulary", 2, "--output", tmp_path / "lm.arpa")

    assert ran.status == 0
    assert read_arpa(tmp_path / "lm.arpa").units == ("<unk>", "<s>", "</s>", "the", "cat")


def test_characters(ds2kit: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("今天 好\n天好\n", encoding="utf-8")

    ran = ds2kit("lm", tmp_path / "text", "--unit", "character", "--output", tmp_path / "lm.arpa")

    assert "2 sentences, 5 characters, 3 different" in ran.err
    assert read_arpa(tmp_path / "lm.arpa").unit == "character"


def test_tokens(ds2kit: Callable[..., Any], tiny_experiment: Path, tmp_path: Path) -> None:
    """Of a model's folder or its tokenizer.json; what it cannot write is counted and named."""
    (tmp_path / "text").write_text("a b c\nb é c\n", encoding="utf-8")
    for folder in (tiny_experiment, tiny_experiment / "model" / "tokenizer.json"):
        ran = ds2kit(
            *("lm", tmp_path / "text", "--unit", "token", "--tokenizer", folder),
            *("--output", tmp_path / "lm.arpa"),
        )

        assert ran.status == 0, ran.err
        assert "lines left out, which the tokenizer cannot write: 1 ('é')" in ran.err
        model = read_arpa(tmp_path / "lm.arpa")
        assert (model.unit, set(model.units[3:])) == ("token", {"a", "b", "c", "▁"})


def test_without_a_split_and_a_text(
    ds2kit: Callable[..., Any], tiny_data: Path, tmp_path: Path
) -> None:
    """Lines of the splits are taken out, whatever their case; several may follow."""
    short = Index.load(tiny_data / "test").texts  # of four words at most
    lines = [*(text.upper() for text in short), "one two three four five six"]
    (tmp_path / "other").write_text("One two three, four five six.\n")
    (tmp_path / "text").write_text("zero one two three four five six seven\nkeep this\n")
    (tmp_path / "mixed").write_text("\n".join(lines), encoding="utf-8")

    ran = ds2kit(
        *("lm", tmp_path / "text", tmp_path / "mixed"),
        *("--without", tmp_path / "other", tiny_data / "test"),
        *("--output", tmp_path / "lm.arpa"),
    )

    assert ran.status == 0, ran.err
    assert f"lines taken out by --without: {2 + len(short)}\n" in ran.err
    assert set(read_arpa(tmp_path / "lm.arpa").units[3:]) == {"keep", "this"}


REFUSED = {
    "no text": (["nowhere"], "nowhere is not there"),
    "a text of another code": (["latin"], "latin, line 2 is not UTF-8 (byte 0xe9)"),
    "an empty text": (["empty"], "the text holds no sentence"),
    "a mark": (["marked"], "the text holds the unit </s>"),
    "order 0": (["text.txt", "--order", "0"], "--order is 0; expected 1 to 6 (KenLM"),
    "order 7": (["text.txt", "--order", "7"], "--order is 7; expected 1 to 6 (KenLM"),
    "a folder": (["text.txt", "--output", "nowhere/lm.arpa"], "nowhere is no folder; make it"),
    "a name": (["text.txt", "--output", "lm.bin"], "lm.bin ends in no .arpa or .arpa.gz"),
    "pruned words": (["text.txt", "--prune", "1"], "--prune is 1; expected at most 3 numbers"),
    "falling": (["text.txt", "--prune", "0", "2", "1"], "--prune is 0 2 1; expected"),
    "a tokenizer": (["text.txt", "--unit", "token"], "--unit token and --tokenizer belong"),
    "no tokenizer": (
        ["text.txt", "--unit", "token", "--tokenizer", "empty"],
        "empty is damaged; expected the JSON",
    ),
    "a normaliser": (["text.txt", "--normaliser", "plan"], "did you mean 'plain'"),
    "everything taken out": (["text.txt", "--without", "text.txt"], "the text holds no sentence"),
    "no split": (["text.txt", "--without", "."], "split"),
    "no lmplz": (["text.txt", "--lmplz"], "lmplz is not on the PATH"),
    "too large": (["large", "--memory", "0.1", "--order", "6"], "more than --memory 0.1"),
    "only what to leave out": (["--without", "text.txt"], "Missing argument 'TEXT...'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_told_in_a_line(
    ds2kit: Callable[..., Any],
    text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    arguments, told = REFUSED[what]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    text.write_text("one two three four five six seven\n")
    (tmp_path / "latin").write_bytes("a\nné\n".encode("latin-1"))
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "marked").write_text("a </s> b\n")
    (tmp_path / "large").write_text("a b c d e f g\n" * 50_000)
    before = sorted(tmp_path.iterdir())
    output = [] if "--output" in arguments else ["--output", "lm.arpa"]

    ran = ds2kit("lm", *output, *arguments)

    assert (ran.status, ran.out) == (1, "")
    assert told in ran.err
    assert ran.err.splitlines()[-1].startswith("ds2kit: ")
    assert sorted(tmp_path.iterdir()) == before


def test_lmplz_where_it_is(
    ds2kit: Callable[..., Any], text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "lmplz"
    program.write_text(f'#!/bin/sh\ncat > {tmp_path}/input\necho made > "$8"\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    ran = ds2kit("lm", text, "--lmplz", "--normaliser", "plain", "--output", tmp_path / "lm.arpa")

    assert (ran.status, ran.out) == (0, f"{tmp_path / 'lm.arpa'}\n"), ran.err
    assert (tmp_path / "lm.arpa").read_text() == "# ds2kit unit=word\nmade\n"
    assert (tmp_path / "input").read_text().splitlines()[0] == "the cat it sat"
