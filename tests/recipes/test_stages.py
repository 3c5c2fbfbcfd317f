"""Recipes with stages: what each asks for, and going on from one of them."""

from __future__ import annotations

import gzip
import runpy
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"


TUNED = "decoder.name=flashlight decoder.language_model.name=kenlm"


def test_librispeech_small(run: Any, recipes: Path) -> None:
    asked, printed = run("librispeech", "small")
    data = "work/data_small"
    assert asked == [
        f"prepare small.py {data}",
        "train small.yaml work/small",
        "lm ../../../shared/corpora/text/english.txt.xz work/small.txt --order 3"
        f" --output work/small.arpa.gz --without {data}/dev {data}/test {data}/test_other",
        "decode work/small dev decoder.name=greedy --save-log-probs",
        f"tune work/small dev {TUNED} decoder.language_model.path=work/small.arpa.gz",
        "decode work/small dev",
        "decode work/small test decoder.name=greedy",
        "decode work/small test",
        "decode work/small test_other decoder.name=greedy",
        "decode work/small test_other",
        *(
            f"score work/small {split} --decoder {decoder}"
            for split in ("dev", "test", "test_other")
            for decoder in ("flashlight", "greedy")
        ),
        "plot work/small",
    ]
    texts = (recipes / "librispeech" / "work" / "small.txt").read_text("utf-8")
    assert texts.splitlines() == 2 * ["it\u2019s", "and so on"]
    assert [line.partition("  ")[0] for line in printed.splitlines()[:12]] == [
        f"{split} {rate}, {decoder}"
        for split in ("dev", "test", "test_other")
        for decoder in ("greedy", "flashlight")
        for rate in ("WER", "CER")
    ]


def test_librispeech_goes_on_from_a_stage(run: Any, recipes: Path) -> None:
    run("librispeech")
    asked, _ = run("librispeech")
    assert [line.split()[0] for line in asked[:4]] == ["prepare", "train", "decode", "tune"]
    asked, _ = run("librispeech", "small", "--stage", "6")
    assert [line.split()[0] for line in asked] == 6 * ["score"] + ["plot"]
    asked, _ = run("librispeech", "--stage", "7")
    assert asked == ["plot work/small"]
    (recipes / "librispeech" / "work" / "small.arpa.gz").unlink()
    asked, _ = run("librispeech", "--stage", "3")
    assert asked[0].startswith("lm ")


def test_a_language_model_that_does_not_help_leaves_one_decoder(run: Any, recipes: Path) -> None:
    """`ds2kit tune` keeps greedy search then, and decodes by it."""
    run("librispeech")
    for folder in (recipes / "librispeech" / "work" / "small").rglob("flashlight"):
        shutil.rmtree(folder)
    asked, printed = run("librispeech", "--stage", "6")
    assert asked[:3] == [
        f"score work/small {split} --decoder greedy" for split in ("dev", "test", "test_other")
    ]
    assert "test WER  " in printed


def test_each_stage_is_named(start: Any) -> None:
    ran = start("hsk_words")
    named = [line for line in ran.stderr.splitlines() if line.startswith("stage ")]
    assert [line.partition(":")[0] for line in named] == [f"stage {n}" for n in range(1, 8)]


def test_a_split_that_was_not_decoded_ends_it(start: Any, recipes: Path) -> None:
    ran = start("librispeech", "--stage", "6")
    assert ran.returncode == 1
    assert "work/small/decode/dev: No such file" in ran.stderr
    assert not (recipes.parent / "notes").exists()


TRAIN = ["train-clean-100", "train-clean-360", "train-other-500"]


@pytest.mark.parametrize(("what", "count"), [("100", 1), ("460", 2), ("960", 3)])
def test_librispeech_official(run: Any, recipes: Path, what: str, count: int) -> None:
    downloads = recipes / "librispeech" / "work" / "downloads"
    downloads.mkdir(parents=True)
    (downloads / "3-gram.pruned.1e-7.arpa.gz").write_bytes(gzip.compress(b"A MODEL"))

    asked, printed = run("librispeech", what)

    lm = "work/3-gram.pruned.1e-7.arpa.gz"
    tests = ["dev-other", "test-clean", "test-other"]
    assert asked[: count + 4] == [
        f"prepare prepare.py work/data subset={subset}"
        for subset in [*TRAIN[:count], "dev-clean", *tests]
    ]
    assert asked[count + 4 : count + 8] == [
        f"train {what}.yaml work/{what}",
        f"decode work/{what} dev-clean decoder.name=greedy --save-log-probs",
        f"tune work/{what} dev-clean {TUNED} decoder.language_model.path={lm}",
        f"decode work/{what} dev-clean",
    ]
    assert gzip.decompress((recipes / "librispeech" / lm).read_bytes()) == b"a model"
    assert "test-other WER, flashlight" in printed


def test_librispeech_with_a_language_model_of_its_own_text(run: Any, recipes: Path) -> None:
    downloads = recipes / "librispeech" / "work" / "downloads"
    downloads.mkdir(parents=True)
    (downloads / "librispeech-lm-norm.txt.gz").write_bytes(gzip.compress(b"SOME TEXT\n"))
    asked, _ = run("librispeech", "100", "--stage", "2", LM="text")
    splits = "work/data/dev-clean work/data/dev-other work/data/test-clean work/data/test-other"
    assert asked[1] == (
        "lm work/text.txt.gz --lmplz --order 3 --output work/text.arpa.gz --prune 0 0 1"
        f" --without {splits}"
    )
    assert asked[3].endswith("decoder.language_model.path=work/text.arpa.gz")


def test_hsk_words(run: Any, tmp_path: Path) -> None:
    for name in (
        "mandarin_text/a.txt.xz",
        "mandarin_text/b.txt.xz",
        "mandarin_text/authors.tsv.xz",
    ):
        (tmp_path / "corpora" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "corpora" / name).touch()
    corpora = str(tmp_path / "corpora")

    asked, printed = run("hsk_words", unit="character", DS2KIT_CORPORA=corpora)

    lm, exp = "work/characters.arpa.gz", "work/hsk_words"
    texts = f"{corpora}/mandarin_text/a.txt.xz {corpora}/mandarin_text/b.txt.xz"
    assert asked == [
        "prepare prepare.py work/data",
        f"train hsk_words.yaml {exp}",
        f"lm {texts} {corpora}/text/mandarin.txt.xz work/words.txt --unit character --order 3"
        f" --output {lm} --without work/data/dev work/data/test",
        f"decode {exp} dev decoder.name=greedy --save-log-probs",
        f"tune {exp} dev {TUNED} decoder.language_model.path={lm}",
        f"decode {exp} dev",
        f"decode {exp} test decoder.name=greedy",
        f"decode {exp} test",
        *(
            f"score {exp} {split} --decoder {decoder} --pinyin"
            for split in ("dev", "test")
            for decoder in ("flashlight", "greedy")
        ),
        f"plot {exp}",
    ]
    assert "test CER, greedy" in printed
    assert "test syllables, flashlight" in printed
    assert "test syllables without tones, flashlight" in printed


@pytest.mark.parametrize("recipe", ["librispeech", "hsk_words"])
def test_nodes_devices_and_overrides_reach_the_training(
    run: Any, recipes: Path, recipe: str
) -> None:
    asked, _ = run(recipe, "trainer.epochs=3", "seed=2", DEVICES="4")
    assert asked[1].endswith(" trainer.epochs=3 seed=2 trainer.devices=4")

    srun = recipes.parent / "bin" / "srun"
    srun.write_text(f'#!/bin/sh\necho "srun $1 $2" >> "{recipes.parent}/notes"\nshift 2\n"$@"\n')
    srun.chmod(0o755)
    asked, _ = run(recipe, "--stage", "2", "seed=2", NODES="2", DEVICES="4")
    assert asked[0] == "srun --nodes=2 --ntasks-per-node=4"
    assert asked[1].endswith(" seed=2 trainer.devices=4 trainer.num_nodes=2")


@pytest.mark.parametrize("wrong", [["500"], ["--stage"], ["--stage", "0"], ["--stage", "x=1"]])
def test_an_argument_that_is_none(start: Any, recipes: Path, wrong: list[str]) -> None:
    ran = start("librispeech", *wrong)
    assert ran.returncode == 1
    assert ran.stderr.startswith("run.sh: ")
    assert len(ran.stderr.splitlines()) == 1
    assert not (recipes.parent / "notes").exists()


def test_transcripts_of_a_split_that_is_not_there(start: Any, recipes: Path) -> None:
    ran = start("librispeech", "--stage", "3")
    assert ran.returncode == 1
    assert "work/data_small/train is not there; prepare it first (stage 1)" in ran.stderr
    assert not (recipes.parent / "notes").exists(), "no model of nothing"


def test_what_a_recipe_needs_and_whether_it_is_there(tmp_path: Path) -> None:
    missing = runpy.run_path(str(RECIPES / "requirements.py"))["missing"]
    plugin = tmp_path / "plugins" / "mine"
    plugin.mkdir(parents=True)
    (plugin / "pyproject.toml").write_text('[project]\nname = "pytest"\n')
    file = tmp_path / "requirements.txt"
    here = version("pytest")
    for line, met in {
        f"pytest=={here}": True,
        "pytest==0.1": False,
        "pytest": True,
        "ds2kit-no-such-thing": False,
        "-e plugins/mine  # a plugin": True,
        "-e plugins/gone": False,
    }.items():
        file.write_text(f"-c constraints.txt\n# What for.\n\n{line}\n")
        assert (missing(file) == []) == met, line
    for recipe in RECIPES.glob("*/requirements.txt"):
        assert isinstance(missing(recipe), list)
