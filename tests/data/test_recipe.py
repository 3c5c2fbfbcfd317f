"""A prepare.py is loaded by its path, its options are typed, its mistakes are named."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from ds2kit.data.recipe import MODULE, loaded
from ds2kit.errors import UserError

HEAD = """
from __future__ import annotations
from pathlib import Path
from typing import Literal
from ds2kit.types import Utterance
"""


def recipe_of(folder: Path, body: str, name: str = "prepare.py") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + body)
    return path


OPTIONS = """
def splits(*, corpus: Path, language: Literal["en", "zh"] = "en", count: int = 3,
           share: float = 0.5, noisy: bool = False, held_out: str | None = None,
           limit: int | None = 7):
    return {"train": []}
"""


def test_options_get_their_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["corpus=here", "language=zh", "count=12", "share=1", "noisy=true", "held_out=12"]

    with loaded(recipe_of(tmp_path, OPTIONS)) as recipe:
        options = recipe.options([*given, "limit=none"])
        defaults = recipe.options(["corpus=a=b"])

    assert options == {
        "corpus": tmp_path / "here",
        "language": "zh",
        "count": 12,
        "share": 1.0,
        "noisy": True,
        "held_out": "12",
        "limit": None,
    }
    assert defaults["corpus"].name == "a=b"
    assert (defaults["limit"], defaults["held_out"]) == (7, None)


def test_all_problems_of_options_are_told_together(tmp_path: Path) -> None:
    with loaded(recipe_of(tmp_path, OPTIONS)) as recipe, pytest.raises(UserError) as raised:
        recipe.options(["cuont=1", "count=many", "noisy=yes", "language=fr", "loose"])

    message = str(raised.value)
    for problem in (
        "did you mean 'count'?",
        "count is 'many'; expected a whole number",
        "noisy is 'yes'; expected true or false",
        "language is 'fr'",
        "corpus is missing; expected a path",
        "'loose' is not KEY=VALUE",
    ):
        assert problem in message


def test_modules_beside_it_belong_to_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    body = "import helper\ndef splits():\n    return {helper.NAME: []}\n"
    found: list[str] = []
    digests: list[str] = []
    for name in ("a", "b"):
        (tmp_path / name / "helper.py").write_text(f"NAME = {name!r}\n")
        with loaded(recipe_of(tmp_path / name, body)) as recipe:
            found += recipe.splits({})
            digests.append(recipe.digest)

    assert found == ["a", "b"]
    assert digests[0] != digests[1]
    assert "helper" not in sys.modules
    assert MODULE not in sys.modules
    assert str(tmp_path / "a") not in sys.path


def test_digest_of_a_recipe_alone_is_that_of_its_source(tmp_path: Path) -> None:
    path = recipe_of(tmp_path, OPTIONS)

    with loaded(path) as recipe:
        assert recipe.digest == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import nothing_of_this_name", r"prepare\.py, line 6: ModuleNotFoundError"),
        ("def splits(:", "SyntaxError"),
        ("raise SystemExit(3)", "line 6: SystemExit: 3"),
        ("train = 1", "has no function `splits`"),
        ("def splits():\n    return 1 / 0", "line 7: ZeroDivisionError: division by zero"),
        ("def splits():\n    return []", r"splits\(\) gave \[\]"),
        ("def splits():\n    return {'a/b': []}", "a split is called 'a/b'"),
        ("def splits():\n    return {'train': 3}", "split 'train' is 3; expected utterances"),
        (
            "def splits():\n    def some():\n        yield 1\n        open('/nowhere/at/all')\n"
            "    return {'train': some()}",
            "line 9: FileNotFoundError",
        ),
    ],
)
def test_mistakes_are_named_with_their_line(body: str, message: str, tmp_path: Path) -> None:
    path = recipe_of(tmp_path, body)

    with pytest.raises(UserError, match=message) as raised, loaded(path) as recipe:
        _ = [list(taken) for taken in recipe.splits(recipe.options([])).values()]
    assert "\n" not in str(raised.value)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"nowhere\.py is not there"),
        loaded(tmp_path / "nowhere.py"),
    ):
        pass
