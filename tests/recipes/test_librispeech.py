"""LibriSpeech in its official layout, in miniature, with what can be wrong in it."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import runpy
import shutil
import tarfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ds2kit.data.checks import check_training
from ds2kit.data.download import fetch
from ds2kit.data.index import Index
from ds2kit.data.recipe import loaded
from ds2kit.errors import UserError
from ds2kit.text.char import Char

RECIPE = Path(__file__).parents[2] / "recipes" / "librispeech"

SPEAKERS = """; Some pipe(|) separated metadata about all LibriVox readers, whose work was used
;
;ID  |SEX| SUBSET           |MINUTES| NAME
60   | M | dev-clean        | 20.18 | |CBW|Simon
84   | F | dev-clean        | 25.03 | Christie Nowak
"""

LINES = {
    "60/121082": ["60-121082-0000 I SPEAK", "60-121082-0001 OF IT"],
    "84/121123": [
        "84-121123-0000 GO DO YOU HEAR",
        "84-121123-0001 BUT IN LESS",
        "84-121123-0002 A",
    ],
    "84/121550": ["84-121550-0000 WHAT'S THIS"],
}
"""The transcripts of each chapter."""


def flac(path: Path, seconds: float = 0.5) -> None:
    sound = 0.3 * np.sin(0.2 * np.arange(round(16_000 * seconds)) + len(path.stem))
    soundfile.write(path, sound, 16_000)


@pytest.fixture(scope="module")
def dev_clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder LibriSpeech with a small dev-clean: to read, not to write."""
    corpus = tmp_path_factory.mktemp("source") / "LibriSpeech"
    for place, lines in LINES.items():
        chapter = corpus / "dev-clean" / place
        chapter.mkdir(parents=True)
        name = place.replace("/", "-")
        (chapter / f"{name}.trans.txt").write_text("".join(f"{line}\n" for line in lines))
        for line in lines:
            flac(chapter / f"{line.split()[0]}.flac")
    (corpus / "SPEAKERS.TXT").write_text(SPEAKERS)
    return corpus


@pytest.fixture
def corpus(dev_clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to write in, which prepare.py takes."""
    copy = shutil.copytree(dev_clean, tmp_path / "LibriSpeech")
    monkeypatch.setenv("LIBRISPEECH", str(copy))
    return copy


@pytest.fixture
def prepare(ds2kit: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Runs `ds2kit prepare` for dev-clean alone."""
    return lambda *more: ds2kit(
        "prepare", RECIPE / "prepare.py", tmp_path / "data", "subset=dev-clean", *more
    )


def test_the_official_layout(corpus: Path, prepare: Any, tmp_path: Path) -> None:
    ran = prepare()

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("dev-clean: 6 utterances, 0.00 h, 2 speakers")
    index = Index.load(tmp_path / "data" / "dev-clean")
    rows = {row.key: row for row in map(index.row, range(len(index)))}
    assert {key: row.text for key, row in rows.items()} == {
        line.partition(" ")[0]: line.partition(" ")[2].lower()
        for line in chain.from_iterable(LINES.values())
    }
    assert {(row.speaker, *row.columns.values()) for row in rows.values()} == {
        ("60", "121082", "m", "dev-clean"),
        ("84", "121123", "f", "dev-clean"),
        ("84", "121550", "f", "dev-clean"),
    }
    assert set(rows["84-121550-0000"].columns) == {"subset", "gender", "chapter"}


def test_the_kept_audio_is_the_corpus_own(corpus: Path, prepare: Any, tmp_path: Path) -> None:
    prepare()
    with tarfile.open(tmp_path / "data" / "dev-clean" / "000000.tar") as shard:
        member = next(m for m in shard if m.name == "84-121550-0000.flac")
        kept = shard.extractfile(member).read()  # type: ignore[union-attr]
    assert kept == (corpus / "dev-clean/84/121550/84-121550-0000.flac").read_bytes()


CHAPTER = "dev-clean/84/121123"
TEXT = f"{CHAPTER}/84-121123.trans.txt"
AUDIO = f"{CHAPTER}/84-121123-0001.flac"


def _rewritten(corpus: Path, old: str, new: str) -> None:
    path = corpus / TEXT
    path.write_text(path.read_text().replace(old, new))


def _cut(corpus: Path) -> None:
    (corpus / AUDIO).write_bytes((corpus / AUDIO).read_bytes()[:-600])


IRREGULAR: dict[str, tuple[Callable[[Path], Any], str, int]] = {
    "missing audio": (lambda c: (c / AUDIO).unlink(), "-0001.flac is not there", 1),
    "audio without a line": (
        lambda c: _rewritten(c, "84-121123-0001 BUT IN LESS\n", ""),
        "'84-121123-0001': .*84-121123.trans.txt has no line for it",
        1,
    ),
    "no transcripts": (lambda c: (c / TEXT).unlink(), "84-121123.trans.txt is not there", 3),
    "empty transcripts": (
        lambda c: _rewritten(c, "-0001 BUT IN LESS", "-0001"),
        "'84-121123-0001': its transcript in 84-121123.trans.txt is empty",
        1,
    ),
    "a line of spaces": (
        lambda c: _rewritten(c, "-0001 BUT IN LESS", "-0001   "),
        "'84-121123-0001': its transcript",
        1,
    ),
    "a line twice": (
        lambda c: _rewritten(c, "BUT IN LESS\n", "BUT IN LESS\n84-121123-0001 BUT\n"),
        "'84-121123-0001': its key is there before it",
        1,
    ),
    "another chapter's line": (
        lambda c: _rewritten(c, "-0002 A\n", "-0002 A\n84-121550-0000 WHAT'S THIS\n"),
        "84/121123/84-121550-0000.flac is not there",
        1,
    ),
    "cut off": (_cut, "-0001.flac is cut off or damaged", 1),
    "no samples": (lambda c: flac(c / AUDIO, 0.0), "-0001.flac", 1),
    "empty file": (lambda c: (c / AUDIO).write_bytes(b""), "-0001.flac is empty", 1),
}


@pytest.mark.parametrize("what", IRREGULAR)
def test_irregularities_are_named_and_refused_or_left_out(
    what: str, corpus: Path, prepare: Any, tmp_path: Path
) -> None:
    spoil, problem, count = IRREGULAR[what]
    spoil(corpus)

    refused = prepare()
    assert refused.status == 1
    assert not (tmp_path / "data" / "dev-clean").exists()
    skipped = prepare("--on-bad", "skip")
    assert skipped.status == 0
    assert f"{count} bad ones left out" in skipped.out
    for told in (refused.err, skipped.err):
        assert len(told.splitlines()) == (1 if count == 1 else count + 1)
        assert re.search(problem, told), told
    # A repeated line takes nothing away but itself.
    kept = 6 - count + (what in ("a line twice", "another chapter's line"))
    assert len(Index.load(tmp_path / "data" / "dev-clean")) == kept


def test_blank_lines_are_nothing(corpus: Path, prepare: Any) -> None:
    _rewritten(corpus, "-0001 BUT", "-0001 BUT")
    (corpus / TEXT).write_text("\n" + (corpus / TEXT).read_text().replace("\n", "\r\n") + "  \n")
    assert prepare().status == 0


def test_a_recording_too_short_for_its_text_is_found_before_training(
    corpus: Path, prepare: Any, tmp_path: Path
) -> None:
    flac(corpus / AUDIO, 0.1)
    prepare()
    index = Index.load(tmp_path / "data" / "dev-clean")
    checked: dict[str, Any] = {
        "sample_rate": 16_000,
        "speeds": [1.0],
        "seconds_per_step": 20.0,
        "min_seconds": 0.05,
        "max_seconds": 30.0,
    }

    def frames(samples: Any) -> Any:
        return samples // 480

    tokenizer = Char.learn(index.texts)
    with pytest.raises(UserError, match=r"1 too short.*84-121123-0001 \(3 frames, 12 needed\)"):
        check_training(index, tokenizer, frames, on_bad="refuse", **checked)
    assert len(check_training(index, tokenizer, frames, on_bad="skip", **checked).kept) == 5


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("SPEAKERS.TXT", r"SPEAKERS\.TXT is not there; every archive"),
        ("dev-clean", "LibriSpeech/dev-clean is not there; expected dev-clean as its archive"),
        ("dev-clean/*", "holds no chapters"),
    ],
)
def test_a_folder_that_is_not_the_corpus(
    corpus: Path, prepare: Any, gone: str, message: str
) -> None:
    for path in corpus.glob(gone):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    ran = prepare()
    assert ran.status == 1
    assert len(ran.err.splitlines()) == 1
    assert re.search(message, ran.err), ran.err


def test_a_speaker_that_is_not_listed_has_no_gender(corpus: Path, prepare: Any) -> None:
    (corpus / "SPEAKERS.TXT").write_text("; nobody\n\n")
    assert prepare().status == 0


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The globals of prepare.py, with `work` elsewhere than beside it, and no corpus given."""
    monkeypatch.delenv("LIBRISPEECH", raising=False)
    with loaded(RECIPE / "prepare.py") as found:
        monkeypatch.setitem(found.function.__globals__, "HERE", tmp_path)
        yield found.function.__globals__


def test_all_official_splits_and_their_checksums(recipe: Any) -> None:
    names = ["dev-clean", "dev-other", "test-clean", "test-other"]
    names += ["train-clean-100", "train-clean-360", "train-other-500"]
    assert list(recipe["splits"]()) == names
    assert recipe["SOURCE"].startswith("https://")
    assert all(len(digest) == 32 for digest in recipe["MD5"].values())
    with loaded(RECIPE / "prepare.py") as found, pytest.raises(UserError, match="train-clean-100"):
        found.options(["subset=train-clean-10"])


@pytest.fixture
def source(dev_clean: Path, server: Any, recipe: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server of dev-clean.tar.gz, where prepare.py takes it from."""

    def at_once(*arguments: Any, **options: Any) -> Path:
        return fetch(*arguments, **options, attempts=1)

    def serve(*harm: tarfile.TarInfo) -> None:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
            tar.add(dev_clean, "LibriSpeech")
            for member in harm:
                tar.addfile(member)
        server.content = file.getvalue()
        digests = {"dev-clean": hashlib.md5(server.content).hexdigest()}
        monkeypatch.setitem(recipe, "MD5", digests)

    monkeypatch.setitem(recipe, "SOURCE", server.url.rpartition("/")[0])
    monkeypatch.setitem(recipe, "fetch", at_once)
    server.serve = serve
    serve()
    return server


def _take(recipe: Any) -> list[str]:
    return [u.key for u in recipe["splits"](subset="dev-clean")["dev-clean"]]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_goes_on_and_is_made_once(
    ranges: bool, source: Any, recipe: Any, tmp_path: Path
) -> None:
    source.ranges, source.break_after = ranges, [1000]

    recipe["splits"]()
    assert source.asked == [], "nothing is fetched before it is needed"
    with pytest.raises(UserError, match="broke off after 1000 of"):
        _take(recipe)
    assert not (tmp_path / "work" / "corpus").exists()
    assert len(_take(recipe)) == 6
    (tmp_path / "work/downloads/dev-clean.tar.gz").unlink()
    assert len(_take(recipe)) == 6, "an unpacked corpus needs no archive"
    assert source.asked == [None, "bytes=1000-"]


def test_a_download_of_another_content_is_not_kept(
    source: Any, recipe: Any, tmp_path: Path
) -> None:
    recipe["MD5"]["dev-clean"] = "0" * 32
    with pytest.raises(UserError, match=r"md5 is .*, expected 0000"):
        _take(recipe)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def _member(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member


@pytest.mark.parametrize(
    "harm",
    [
        _member("LibriSpeech/../../outside"),
        _member("/tmp/ds2kit-outside"),
        _member("LibriSpeech/link", tarfile.SYMTYPE),
        _member("LibriSpeech/device", tarfile.CHRTYPE),
    ],
    ids=lambda member: member.name,
)
def test_an_archive_that_means_harm(
    harm: tarfile.TarInfo, source: Any, recipe: Any, tmp_path: Path
) -> None:
    source.serve(harm)
    with pytest.raises(UserError, match="refused, nothing was unpacked"):
        _take(recipe)
    found = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert found == ["dev-clean.tar.gz"]
    assert not Path("/tmp/ds2kit-outside").exists()


ARPA = b"\\data\\\nngram 1=3\n\n\\1-grams:\n-1\t<UNK>\n-99\t<s>\t-0.3\n-1e-05\tDON'T\n\n\\end\\\n"


def test_a_language_model_of_the_corpus_in_lower_case(
    server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name, target = "3-gram.pruned.1e-7.arpa.gz", tmp_path / "work" / "lm.arpa.gz"
    server.content = gzip.compress(ARPA)
    module = _module("language_model")
    monkeypatch.setitem(module, "HERE", tmp_path)
    monkeypatch.setitem(module, "SOURCE", server.url.rpartition("/")[0])
    monkeypatch.setitem(module["MD5"], name, hashlib.md5(server.content).hexdigest())

    for _ in range(2):
        module["lower_case"](name, target)
    assert server.asked == [None]
    assert gzip.decompress(target.read_bytes()).decode() == ARPA.decode().lower()
    made = target.read_bytes()
    target.unlink()
    module["lower_case"](name, target)
    assert target.read_bytes() == made
    assert {path.name for path in target.parent.iterdir()} == {"lm.arpa.gz", "downloads"}
    with pytest.raises(UserError, match=r"2-gram\.gz is no file of .*4-gram\.arpa\.gz"):
        module["lower_case"]("2-gram.gz", tmp_path / "other")


def _module(name: str) -> dict[str, Any]:
    return runpy.run_path(str(RECIPE / f"{name}.py"))["lower_case"].__globals__
