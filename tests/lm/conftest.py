"""What the tests of this room share."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def literal() -> ModuleType:
    """The definitions, word by word: literal.py beside this file."""
    path = Path(__file__).with_name("literal.py")
    spec = importlib.util.spec_from_file_location("literal", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
