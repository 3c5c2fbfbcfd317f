"""What a yaml may say: its sections, their options, their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ds2kit.errors import UserError
from ds2kit.options import Chosen


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Where the speech is.

    data:  the folder that `ds2kit prepare` wrote
    train: a split, or several with their weights (2 is seen twice an epoch, 0.5 by every second)
    dev:   the split on which the best checkpoint is chosen
    """

    data: Path
    train: str | dict[str, float] = "train"
    dev: str = "dev"

    @property
    def weights(self) -> dict[str, float]:
        """The training splits with their weights."""
        return {self.train: 1.0} if isinstance(self.train, str) else self.train


@dataclass(frozen=True, kw_only=True)
class Augment:
    """What changes the training speech: speeds drawn by the plan, then each list in its order."""

    speed: tuple[float, ...] = (1.0,)
    waveform: tuple[Chosen, ...] = ()
    features: tuple[Chosen, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Data:
    """How speech becomes batches.

    sample_rate:      hertz, the model's; whatever comes is resampled to it
    seconds_per_step: bound of a step's padded seconds, over all ranks
    on_bad:           what to do with training utterances that cannot be learned from
    sorta_grad:       epoch 0 in order of duration (the paper's SortaGrad)
    workers:          processes a rank that read and augment; they change nothing but the speed
    reads_per_batch:  ranges of bytes that one step may be read in
    """

    sample_rate: int = 16000
    seconds_per_step: float = 100.0
    min_seconds: float = 0.1
    max_seconds: float = 30.0
    on_bad: Literal["refuse", "skip"] = "refuse"
    sorta_grad: bool = True
    workers: int = 1
    reads_per_batch: int = 8


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """`nesterov` (the paper's: momentum 0.99, gradients longer than 400 shortened) or `adamw`.

    max_norm: a gradient longer than this is scaled to it; None: 400 for nesterov, 10 for adamw
    """

    name: Literal["adamw", "nesterov"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    momentum: float = 0.99
    max_norm: float | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """`anneal` (the paper's: divided by `factor` after each epoch), `one_cycle` or `constant`.

    warmup: share of the training in which one_cycle rises to the full learning rate
    """

    name: Literal["one_cycle", "anneal", "constant"] = "one_cycle"
    factor: float = 1.2
    warmup: float = 0.15


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """Lightning's options that are tested here; the others are not offered.

    devices, num_nodes: ranks change the speed and nothing else
    checkpoint_minutes: between checkpoints inside an epoch; there is one at each epoch's end
    keep_epochs:        weights of so many last and so many best epochs stay, for `ds2kit average`
    deterministic:      the same result each time on a GPU too, more slowly; a CPU always gives it
    """

    epochs: int = 10
    precision: Literal["32", "64", "bf16-mixed", "16-mixed"] = "32"
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = 1
    num_nodes: int = 1
    checkpoint_minutes: float = 10.0
    keep_epochs: int = 5
    deterministic: bool = False


@dataclass(frozen=True)
class Config:
    """A checked yaml: every option has a value, every component is installed.

    corpus: None in the config of a model folder, which stands alone
    makers: distribution and version of each component, `kind/name` to `ds2kit 0.1.0`
    """

    frontend: Chosen
    tokenizer: Chosen
    encoder: Chosen
    decoder: Chosen
    data: Data
    augment: Augment
    optimizer: Optimizer
    schedule: Schedule
    trainer: Trainer
    seed: int
    corpus: Corpus | None
    makers: Mapping[str, str]

    @property
    def weights(self) -> dict[str, float]:
        """The training splits with their weights. Raises UserError in a config without corpus."""
        return self.speech.weights

    @property
    def speech(self) -> Corpus:
        """The corpus. Raises UserError in a config without one."""
        if self.corpus is None:
            raise UserError("corpus is missing; say where the speech is, as corpus.data=FOLDER")
        return self.corpus
