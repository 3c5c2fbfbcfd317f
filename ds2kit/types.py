"""What passes from room to room: a few small frozen types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor, nn

State: TypeAlias = Any
"""A nested structure of tensors whose first axis is the stream: streams stack, split and drop."""


@dataclass(frozen=True)
class Utterance:
    """One recording, or a piece of one, and what was said: what a recipe's prepare.py yields.

    key:     unique in its split; dots and slashes are allowed
    audio:   a file, or the bytes of an encoded one (wav, flac, ogg, opus, mp3)
    text:    the transcript, as it is to be scored
    start:   seconds into the file
    seconds: how much of it; None takes it to the end
    channel: which channel of it; None mixes all of them
    columns: anything else worth keeping, as text
    problem: what the corpus itself shows to be wrong with it, such as "its transcript is empty";
             `ds2kit prepare` names it and refuses the split, or leaves the utterance out
    """

    key: str
    audio: Path | bytes
    text: str
    speaker: str = ""
    start: float = 0.0
    seconds: float | None = None
    channel: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Padded:
    """A batch of sequences of different lengths.

    values:  [batch, time, ...], padded at the end; what stands in the padding means nothing
    lengths: [batch], int64, on the device of the values
    """

    values: Tensor
    lengths: Tensor

    def mask(self) -> Tensor:
        """True where a frame is real: [batch, time]."""
        import torch

        time = torch.arange(self.values.shape[1], device=self.values.device)
        return time < self.lengths[:, None]

    def cleared(self) -> Padded:
        """The same with zeros in the padding, whatever stood there (NaN too)."""
        import torch

        mask = self.mask().reshape(*self.values.shape[:2], *[1] * (self.values.dim() - 2))
        return Padded(torch.where(mask, self.values, 0.0), self.lengths)


@dataclass(frozen=True)
class Chunk:
    """The next few frames of a batch of streams.

    values: [streams, time, ...]
    valid:  [streams, time], bool: False before a stream has begun, after it has ended, and
            where a frame is not out yet. Void frames hold zeros.
    """

    values: Tensor
    valid: Tensor

    @classmethod
    def void(cls, module: nn.Module, *shape: int) -> Chunk:
        """Nobody's [streams, time, ...], in the type and on the device of a module."""
        import torch

        own = chain(module.parameters(), module.buffers())
        like = next((tensor for tensor in own if tensor.is_floating_point()), torch.zeros(()))
        valid = torch.zeros(shape[:2], dtype=torch.bool, device=like.device)
        return cls(like.new_zeros(shape), valid)

    def then(self, following: Chunk) -> Chunk:
        """This one and the next, joined in time."""
        import torch

        values = torch.cat([self.values, following.values], dim=1)
        return Chunk(values, torch.cat([self.valid, following.valid], dim=1))

    def cut(self, time: int) -> tuple[Chunk, Chunk]:
        """The first `time` frames, and the rest."""
        first = Chunk(self.values[:, :time], self.valid[:, :time])
        return first, Chunk(self.values[:, time:], self.valid[:, time:])

    def cleared(self) -> Chunk:
        """The same with zeros in void frames, whatever stood there."""
        import torch

        valid = self.valid.reshape(*self.valid.shape, *[1] * (self.values.dim() - 2))
        return Chunk(torch.where(valid, self.values, 0.0), self.valid)


@dataclass(frozen=True)
class Word:
    """A word of a hypothesis: the frames [start_frame, end_frame) and how sure the model is.

    confidence:   in [0, 1]
    space_before: whether the text has a space before it, where it is not the first
    """

    text: str
    start_frame: int
    end_frame: int
    confidence: float
    space_before: bool = True


@dataclass(frozen=True)
class Hypothesis:
    """What a decoder heard.

    tokens: ids without blanks and repeats
    score:  natural logarithm, the one the decoder ranked by
    acoustic_score, language_score: the model's part of it and the language model's, ln P each,
            the latter not weighted yet; None where a decoder does not tell them apart
    """

    text: str
    tokens: tuple[int, ...]
    score: float
    words: tuple[Word, ...] = ()
    acoustic_score: float | None = None
    language_score: float | None = None


@dataclass(frozen=True)
class Score:
    """Edit operations against a reference of `units` words or characters. Scores add up."""

    substitutions: int
    deletions: int
    insertions: int
    units: int

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors a unit; 0 where nothing was to be said and nothing was, else infinite."""
        if self.units:
            return self.errors / self.units
        return float("inf") if self.errors else 0.0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.units + other.units,
        )
