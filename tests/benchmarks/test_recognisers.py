"""What another recogniser hears lies where `ds2kit score` finds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ds2kit.data.index import Index

MODULES = ("recognisers",)


def test_its_hypotheses_can_be_scored(
    bench: Any, ds2kit: Callable[..., Any], tiny_data: Path, tmp_path: Path
) -> None:
    index, heard = Index.load(tiny_data / "test"), []

    def recognise(samples: NDArray[np.float32]) -> str:
        heard.append(len(samples) / bench.recognisers.SAMPLE_RATE)
        return index.texts[len(heard) - 1]

    path = tmp_path / "decode" / "test" / "other" / "hypotheses.jsonl"
    assert bench.recognisers.hear(index, recognise, path) > 0
    assert heard == pytest.approx(index.seconds.tolist(), abs=1e-3)

    ran = ds2kit("score", tmp_path, "test", "--data", tiny_data)
    assert (ran.status, ran.err) == (0, "")
    assert "WER" in ran.out
    assert "0.00" in ran.out
