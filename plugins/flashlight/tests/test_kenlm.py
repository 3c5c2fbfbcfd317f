"""N-gram models of KenLM, as a component: the same numbers as the file's, in natural logarithms."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ds2kit_flashlight.kenlm import BINARY, KenLM

from ds2kit.components import END, UNKNOWN
from ds2kit.errors import UserError

WORDS = ("the", "cat", "sat")


@pytest.fixture
def toy(literal: Any) -> Any:
    return literal.Toy("word", WORDS)


@pytest.fixture
def path(toy: Any, tmp_path: Path) -> Path:
    found: Path = toy.arpa(tmp_path / "toy.arpa")
    return found


def ln(model: Any, units: list[str]) -> float:
    total, state = 0.0, model.initial_state()
    for unit in [*units, END]:
        (score,), (state,) = model.score([state], [unit])
        total += score
    return total


@pytest.mark.parametrize("text", ["", "the cat sat", "sat the the dog cat", "dog"])
def test_scores_are_natural_logarithms(path: Path, toy: Any, text: str) -> None:
    assert ln(KenLM(path), text.split()) == pytest.approx(toy.ln(text.split()), abs=1e-5)


def test_backs_off(tmp_path: Path) -> None:
    """By hand: a bigram that is not there is back-off times unigram."""
    path = tmp_path / "small.arpa"
    path.write_text(
        "\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n-0.7\ta\t-0.2\n-0.9\tb\t-0.3\n"
        "-99\t<s>\t-0.1\n-1.1\t</s>\n\n\\2-grams:\n-0.4\ta b\n\n\\end\\\n"
    )
    model = KenLM(path)

    log10 = (-0.1 - 0.7) + -0.4 + (-0.3 - 1.1)
    assert ln(model, ["a", "b"]) == pytest.approx(log10 * math.log(10), abs=1e-6)
    # Without <unk> in the file its probability is tiny, and above zero.
    assert -math.inf < ln(model, ["c"]) < -100


def test_scores_many_at_once(path: Path) -> None:
    model = KenLM(path)
    start = model.initial_state()
    scores, states = model.score([start, start], ["the", "cat"])

    assert list(scores) == [model.score([start], [unit])[0][0] for unit in ("the", "cat")]
    assert len({*states, start}) == 3


def test_knows_its_units(path: Path) -> None:
    model = KenLM(path)

    assert model.vocabulary == WORDS
    assert model.knows("cat")
    assert model.knows(END)
    assert not any(map(model.knows, ("dog", "<s>", UNKNOWN, "")))


@pytest.mark.parametrize(
    ("head", "units", "given", "unit"),
    [
        ("", "ab cd", "auto", "word"),
        ("", "a b", "auto", "character"),
        ("", "今 天", "auto", "character"),
        ("", "a b", "token", "token"),
        ("# ds2kit unit=word\n", "a b", "auto", "word"),
        ("# ds2kit unit=token\n", "▁ab cd", "auto", "token"),
        ("# ds2kit unit=token\n", "ab cd", "token", "token"),
        ("# made by somebody\n", "ab cd", "auto", "word"),
    ],
)
def test_its_unit(tmp_path: Path, head: str, units: str, given: Any, unit: str) -> None:
    path = tmp_path / "small.arpa"
    unigrams = "".join(f"-0.7\t{one}\n" for one in units.split())
    path.write_text(
        f"{head}\\data\\\nngram 1=4\n\n\\1-grams:\n{unigrams}-99\t<s>\n-1\t</s>\n\n\\end\\\n",
        encoding="utf-8",
    )

    assert KenLM(path, unit=given).unit == unit


def test_gzip(path: Path, toy: Any) -> None:
    packed = path.with_suffix(".arpa.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))

    assert KenLM(packed).vocabulary == WORDS
    assert ln(KenLM(packed), ["cat"]) == pytest.approx(toy.ln(["cat"]), abs=1e-5)


def test_its_own_binary_format() -> None:
    """`build_binary trie` of KenLM, of the model in test_backs_off, with an <unk>."""
    path = Path(__file__).with_name("small.trie")
    model = KenLM(path)

    assert (model.unit, sorted(model.vocabulary)) == ("character", ["a", "b"])
    log10 = (-0.1 - 0.7) + -0.4 + (-0.3 - 1.1)
    assert ln(model, ["a", "b"]) == pytest.approx(log10 * math.log(10), abs=1e-6)


def test_draws_no_bar(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ln(KenLM(path), ["cat"])

    assert capfd.readouterr() == ("", "")


ORDER_7 = b"\\data\\\nngram 1=6\n" + b"".join(b"ngram %d=0\n" % n for n in range(2, 8))


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (bz2.compress, "compressed by bzip2, which KenLM cannot read here; .* gzip"),
        (lzma.compress, "compressed by xz, which KenLM cannot read here; .* gzip"),
        (lambda data: data[:110], "ends after 4 of 6 1-grams; it is cut"),
        (lambda data: data[:-30], "cannot be read by KenLM: End of file in the 2-gram"),
        (lambda data: data[:-7], "cannot be read by KenLM: End of file"),
        (lambda data: cut(gzip.compress(data)), "is compressed, and cut or damaged"),
        (lambda data: b"", "is empty; expected a language model"),
        (lambda data: b"some words\n" * 9, "has no line .data.; expected a language model"),
        (lambda data: bytes(range(256)), "has no line .data.; expected a language model"),
        (lambda data: ORDER_7 + data[data.index(b"\n\\1-g") :], "order 7; .* takes 6 at most"),
        (lambda data: data.replace(b"\t", b" "), "KenLM: Expected tab .* the language model ngram"),
        (lambda data: data.replace(b"-1.5\t</s>", b"1.5\t</s>"), "logarithm is 1.5, above 0"),
        (lambda data: BINARY + b" format version 5\n\0", "has no words of its own"),
    ],
)
def test_what_is_no_model_is_refused(
    path: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    path.write_bytes(change(path.read_bytes()))

    with pytest.raises(UserError, match=said) as refused:
        KenLM(path).initial_state()

    message = str(refused.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert "pip-req-build" not in message


def test_another_unit_than_the_file_says_is_refused(path: Path) -> None:
    with pytest.raises(UserError, match="is a model of words; expected one of characters"):
        KenLM(path, unit="character")


def test_a_cut_file_of_many_words(tmp_path: Path) -> None:
    """What is cut beyond its words is found when KenLM reads it."""
    words = [f"w{number}" for number in range(50_000)]
    lines = [f"-5\t{word}\t0" for word in ["<s>", END, UNKNOWN, *words]]
    pairs = [f"-1\t{word} {word}" for word in words]
    head = [f"\\data\\\nngram 1={len(lines)}\nngram 2={len(pairs)}\n\n\\1-grams:"]
    text = "\n".join([*head, *lines, "\n\\2-grams:", *pairs, "\n\\end\\\n"])
    path = tmp_path / "cut.arpa.gz"
    path.write_bytes(gzip.compress(text.encode())[:-90_000])

    with pytest.raises(UserError, match=r"cannot be read by KenLM: zlib .* may be cut off"):
        KenLM(path).initial_state()


@pytest.mark.parametrize("name", ["absent.arpa", ""])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        KenLM(tmp_path / name)
