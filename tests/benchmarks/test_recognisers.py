"""What another recogniser hears lies where `ds2kit score` finds it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ds2kit.data.index import Index

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "recognisers.py"


@pytest.fixture
def recognisers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recognisers", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_hypotheses_can_be_scored(
    recognisers: ModuleType, ds2kit: Callable[..., Any], tiny_data: Path, tmp_path: Path
) -> None:
    index, heard = Index.load(tiny_data / "test"), []

    def recognise(samples: NDArray[np.float32]) -> str:
        heard.append(len(samples) / recognisers.SAMPLE_RATE)
        return index.texts[len(heard) - 1]

    path = tmp_path / "decode" / "test" / "other" / "hypotheses.jsonl"
    assert recognisers.hear(index, recognise, path) > 0
    assert heard == pytest.approx(index.seconds.tolist(), abs=1e-3)

    ran = ds2kit("score", tmp_path, "test", "--data", tiny_data)
    assert (ran.status, ran.err) == (0, "")
    assert "WER" in ran.out
    assert "0.00" in ran.out
