"""The official test of the digits, for every model of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ds2kit.data.index import Index
from ds2kit.data.recipe import loaded
from ds2kit.data.shards import write_split

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def digits(
    corpora: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Index]]:
    """Prepares a split as the recipe does, elsewhere than beside it."""
    folder = tmp_path_factory.mktemp("digits")
    patch = pytest.MonkeyPatch()
    patch.setenv("DS2KIT_CORPORA", str(corpora))
    with loaded(ROOT / "recipes" / "digits" / "prepare.py") as recipe:
        made = recipe.function.__globals__
        patch.setitem(made, "HERE", folder / "recipe")
        splits = made["splits"]()

        def prepared(split: str) -> Index:
            if not (folder / split).exists():
                write_split(folder / split, splits[split], made_from={})
            return Index.load(folder / split)

        yield prepared
    patch.undo()
