"""How far a training has come: all that resuming needs besides weights and optimiser."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Progress:
    """The place in the plan, and what was counted on the way.

    epoch, step: the next step to take
    steps:       of this epoch's plan
    updates:     steps that changed the weights
    done:        share of the schedule that has passed; a skipped step adds nothing
    skipped:     steps whose loss or gradient was not finite
    best_rate:   lowest error rate on dev so far (words, or characters where there are no spaces)
    best_loss:   the dev loss beside it
    best_epoch:  the epoch after which it was measured
    dev:         error rate and loss on dev after each epoch, the first of which is 1
    epoch_...:   sums over this epoch's steps: loss and number of those that changed the weights,
                 seconds of audio and of the clock of all
    """

    epoch: int = 0
    step: int = 0
    steps: int = 0
    updates: int = 0
    done: float = 0.0
    skipped: int = 0
    best_rate: float = float("inf")
    best_loss: float = float("inf")
    best_epoch: int = -1
    dev: dict[int, tuple[float, float]] = field(default_factory=dict)
    epoch_loss: float = 0.0
    epoch_updates: int = 0
    epoch_audio: float = 0.0
    epoch_seconds: float = 0.0

    def next_epoch(self) -> None:
        """Move to the first step of the next epoch."""
        self.epoch, self.step = self.epoch + 1, 0
        self.epoch_loss, self.epoch_updates = 0.0, 0
        self.epoch_audio = self.epoch_seconds = 0.0


@dataclass(frozen=True)
class StepRecord:
    """What one step did, for the log.

    loss:          mean negative log-probability an utterance, over all ranks
    audio_seconds: of all ranks' speech, as it was played
    seconds:       of the clock
    waited:        seconds of them spent waiting for data
    unalignable:   keys left out of the loss; skipped: keys of a step that was not taken
    """

    epoch: int
    step: int
    update: int
    loss: float
    learning_rate: float
    gradient_norm: float
    utterances: int
    audio_seconds: float
    seconds: float
    waited: float
    unalignable: tuple[str, ...]
    skipped: tuple[str, ...]
