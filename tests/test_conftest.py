"""Tests on real recordings are skipped only where there are none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest


def test_of_real_speech(corpora):
    if not (corpora / "digits").is_dir():
        pytest.skip("digits are not there; set DS2KIT_CORPORA")


@pytest.mark.skip(reason="of another matter")
def test_of_something_else():
    pass
"""


@pytest.mark.parametrize(
    ("there", "status", "said"),
    [
        ([], 0, "2 skipped"),
        (["corpora"], 1, "1 failed, 1 skipped"),
        (["corpora", "corpora/digits"], 0, "1 passed, 1 skipped"),
    ],
)
def test_a_skip_fails_where_the_corpora_are(
    there: list[str], status: int, said: str, tmp_path: Path
) -> None:
    for folder in there:
        (tmp_path / folder).mkdir()
    (tmp_path / "test_real.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=os.environ | {"DS2KIT_CORPORA": str(tmp_path / "corpora")},
        capture_output=True,
        text=True,
    )

    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stdout
