"""What tests share: where the real speech is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CORPORA = Path(os.environ.get("DS2KIT_CORPORA", "../shared/corpora"))


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real recordings; skips, with the reason, where it is absent."""
    if not CORPORA.is_dir():
        pytest.skip(f"{CORPORA} is not there; set DS2KIT_CORPORA")
    return CORPORA.resolve()
