"""Contracts that give the same verdict each time they are run."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, Phase, settings

DRAWN = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    # An example is shrunk, but not explained: that takes long, and points into the kit.
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # contracts work on copies of what a fixture made
        HealthCheck.differing_executors,  # a contract runs in many subclasses
        HealthCheck.too_slow,
    ],
)
"""How hypothesis draws here: few examples, the same ones in every run."""


class Repeatable:
    """Components are initialised from the same seed in every test."""

    @pytest.fixture(autouse=True)
    def seeded(self) -> None:
        torch.manual_seed(0)
