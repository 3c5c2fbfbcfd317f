"""KenLM's program: how it is called, and what it says when it fails.

That its models are ours is tested in test_kneser_ney.py, where the program is installed.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ds2kit.errors import UserError
from ds2kit.lm.lmplz import estimate_with_lmplz, find_lmplz

FAKE = """#!/bin/sh
printf '%s\\n' "$*" > {folder}/arguments
cat > {folder}/input
for last; do [ "$before" = --arpa ] && echo '\\data\\' > "$last"; before=$last; done
"""

FAILING = """#!/bin/sh
echo "something before" >&2
echo "it is out of memory" >&2
exit 3
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in that notes what it is given."""
    path = tmp_path / "bin" / "lmplz"
    path.parent.mkdir()
    path.write_text(FAKE.format(folder=tmp_path))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


@pytest.mark.parametrize("name", ["lm.arpa", "lm.arpa.gz"])
def test_what_it_is_given_and_what_is_kept(name: str, program: Path, tmp_path: Path) -> None:
    path = tmp_path / "out" / name
    path.parent.mkdir()

    estimate_with_lmplz(path, [["a", "b"], ["今"]], 3, "word", (0, 0, 1), 0.5)

    arguments = (tmp_path / "arguments").read_text()
    assert arguments.startswith("-o 3 -S 512M -T ")
    assert arguments.endswith("--discount_fallback --prune 0 0 1\n")
    assert (tmp_path / "input").read_text(encoding="utf-8") == "a b\n今\n"
    written = path.read_bytes()
    text = gzip.decompress(written) if name.endswith(".gz") else written
    assert text == b"# ds2kit unit=word\n\\data\\\n"
    assert list(path.parent.iterdir()) == [path]


def test_its_failure_is_told(program: Path, tmp_path: Path) -> None:
    program.write_text(FAILING)
    sentences = [["word"] * 100] * 10_000  # more than a pipe holds

    with pytest.raises(UserError, match="lmplz ended with status 3: it is out of memory"):
        estimate_with_lmplz(tmp_path / "lm.arpa", sentences, 3, "word", (0,), 0.5)

    assert not (tmp_path / "lm.arpa").exists()


def test_where_it_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UserError, match="lmplz is not on the PATH; install KenLM's tools, or"):
        find_lmplz()
