"""What the search leaves out, and the oracle's own check."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ds2kit_flashlight.decoder import Flashlight
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ds2kit.types import Padded

COMPLETE: dict[str, Any] = {"beam": 100_000, "beam_threshold": 1e6, "n_best": 100_000}
WORDS = ("a", "b", "ab", "ba", "aab")


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 999), top_p=st.floats(0.1, 0.99), top_k=st.integers(1, 4))
@pytest.mark.parametrize("way", ["words", "letters", "asked"])
def test_what_is_pruned_is_not_there(
    literal: Any, tmp_path: Path, way: str, seed: int, top_p: float, top_k: int
) -> None:
    """The search is the complete one of log-probabilities without the pruned tokens."""
    toy = literal.Toy("word", WORDS, seed=seed)
    options: dict[str, Any] = {
        "words": {"language_model": literal.native(toy, tmp_path)},
        "letters": {},
        "asked": {"hot_words": {"ab": 1.0}},
    }[way]
    log_probs = literal.random_log_probs(5, literal.spaced.size, seed)
    left = torch.full_like(log_probs, -math.inf)
    for frame, row in enumerate(log_probs):
        together = 0.0
        for token in row.argsort(descending=True).tolist()[:top_k]:
            if together >= top_p:
                break
            left[frame, token], together = row[token], together + math.exp(row[token])
        left[frame, 0] = row[0]
    # The probabilities of what is left do not sum to one.
    pruned = Flashlight(literal.spaced, **options, **COMPLETE, top_p=top_p, top_k=top_k)
    found = {h.text: h.score for h in pruned.decode(Padded(log_probs[None], torch.tensor([5])))[0]}
    texts = {t: q for t, q in literal.texts(left, literal.spaced).items() if q > -math.inf}
    if way == "words":
        texts = {t: q + toy.ln(t.split()) for t, q in texts.items() if set(t.split()) <= set(WORDS)}
    if way == "asked":
        texts = {text: q + text.split().count("ab") for text, q in texts.items()}

    heard = {text: score for text, score in found.items() if score > -1000}
    assert heard == pytest.approx(texts, abs=1e-4)


def test_the_toy_is_a_probability(literal: Any) -> None:
    """The oracle's own check: the probabilities after a state sum to one, all alignments too."""
    toy = literal.Toy("word", WORDS)
    after = [score for (before, _), score in toy.log_probs.items() if before == "<s>"]
    texts = literal.texts(literal.random_log_probs(4, 4, 0), literal.spaced)

    assert np.exp(after).sum() == pytest.approx(1.0)
    assert np.exp(list(texts.values())).sum() == pytest.approx(1.0, abs=1e-5)
