"""The contracts of components: what a plugin implements.

`ds2kit.testing` checks each contract for anybody's component. What the toolkit supplies comes
first and positionally; the keyword-only, annotated parameters of a constructor (of `learn` where
a component learns from the training split) are its options in a recipe's yaml.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from torch import Tensor, nn

from ds2kit.errors import UserError
from ds2kit.types import Chunk, Hypothesis, Padded, State, Word

BLANK = 0
"""The token id of the CTC blank, in every tokenizer."""

Unit = Literal["word", "character", "token"]
"""What a language model counts: words between spaces, characters other than spaces, or the tokens
of a tokenizer."""

START = "<s>"
"""How a language model writes the beginning of a text."""

END = "</s>"
"""How a language model writes the end of a text."""

UNKNOWN = "<unk>"
"""How a language model writes a unit that it does not know."""


class Frontend(nn.Module, ABC):
    """Waveforms to frames; constructed with `sample_rate` in hertz.

    A frame depends on its own stretch of sound alone, so the features of a prefix are a prefix of
    the features, and nothing needs the whole utterance.
    """

    sample_rate: int
    output_size: int
    frame_seconds: float
    """Seconds from one frame to the next."""

    @abstractmethod
    def forward(self, waveforms: Padded) -> Padded:
        """[batch, samples] in [-1, 1] to [batch, frames, output_size]."""

    @abstractmethod
    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Frames for so many samples."""

    def learn(self, batches: Iterable[Padded]) -> None:
        """Learn statistics of the training split; they are saved with the model's weights."""


class StreamingFrontend(Frontend):
    """A frontend that can also work through sound as it arrives.

    As a streaming layer does, it gives a frame for each stride of samples, `delay` samples after
    they were heard, and `valid` says which frames are somebody's: those of `forward`.
    """

    stride: int
    """Samples from one frame to the next."""

    delay: int
    """Samples from the beginning of a frame to the step that gives it: whole strides."""

    @abstractmethod
    def initial_state(self, streams: int) -> State:
        """The state of `streams` streams that have heard nothing yet.

        Raises UserError, with the reason, where this instance cannot stream.
        """

    @abstractmethod
    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        """The next [streams, samples], whole strides, to [streams, frames, output_size].

        A stream begins on a stride. Its end gives no frame of what fills none.
        """

    def finish(self, state: State, streams: int) -> Chunk:
        """What is still on its way when no more sound comes."""
        last, _ = self.step(Chunk.void(self, streams, self.delay), state)
        return last


class Encoder(nn.Module, ABC):
    """Frames to frames; constructed with `input_size`.

    An utterance's output depends on that utterance alone.
    """

    stride: int = 1
    """Input frames for one output frame; an instance may set its own."""

    input_size: int
    output_size: int

    @abstractmethod
    def forward(self, frames: Padded) -> Padded:
        """[batch, time, input_size] to [batch, time', output_size]."""

    def output_lengths(self, lengths: Tensor) -> Tensor:
        """Output frames for so many input frames."""
        return (lengths + self.stride - 1) // self.stride

    def stages(self) -> Iterator[tuple[str, nn.Module]]:
        """The layers in order, each with its name, for `ds2kit describe`; each takes and gives a
        `Padded`. An encoder that says nothing is described as a whole.
        """
        yield "encoder", self


class StreamingEncoder(Encoder):
    """An encoder that can also work through speech as it arrives.

    A streaming layer is causal with a fixed delay: every step gives as many frames as it takes
    (divided by the stride), and `valid` says which of them are somebody's. Shapes are constant,
    so streams that began at different times, or have ended, share a batch.
    """

    delay: int
    """Input frames after which the output of a frame is certain to be out: whole strides."""

    def delays(self) -> Iterator[tuple[str, int]]:
        """The names of `stages` with each one's part of `delay`, for `ds2kit describe`."""
        yield "encoder", self.delay

    @abstractmethod
    def initial_state(self, streams: int) -> State:
        """The state of `streams` streams that have heard nothing yet.

        Raises UserError, with the reason, where this instance cannot stream.
        """

    @abstractmethod
    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        """The next frames of every stream, a whole number of strides."""

    def finish(self, state: State, streams: int) -> Chunk:
        """What is still on its way when no more speech comes."""
        # A step takes at least a stride.
        time = max(self.delay, self.stride)
        silence = Chunk.void(self, streams, time, self.input_size)
        last, _ = self.step(silence, state)
        return last


class Tokenizer(ABC):
    """Text to token ids and back; constructed by `learn` or `from_json`.

    `decode(encode(text))` is `normalise(text)` for every text without foreign symbols.
    """

    tokens: tuple[str, ...]
    """The text of each id; id 0 is the CTC blank, whose text is empty."""

    @property
    def size(self) -> int:
        """Number of ids, the blank included."""
        return len(self.tokens)

    @classmethod
    @abstractmethod
    def learn(cls, texts: Iterable[str]) -> Self:
        """A tokenizer for such transcripts; its options are keyword-only parameters here."""

    @abstractmethod
    def normalise(self, text: str) -> str:
        """The text as this tokenizer can give it back. Idempotent."""

    @abstractmethod
    def foreign(self, text: str) -> tuple[str, ...]:
        """The different symbols of the normalised text that no token holds, in order."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Ids, never the blank's. Raises UserError that names a foreign symbol."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; blanks and repeats have been removed already."""
        return "".join(self.tokens[i] for i in ids).strip(" ")

    @abstractmethod
    def to_json(self) -> Mapping[str, Any]:
        """What was learned, as JSON can hold it."""

    @classmethod
    @abstractmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """The tokenizer that `to_json` described."""


class LanguageModel(ABC):
    """The probability of a text, unit by unit; constructed with the `path` of its file.

    A state is what the model remembers of the units so far. It is never changed, and two that
    predict the same may be equal, so that a search can join what led to them.
    """

    unit: Unit
    """What it counts. A token is written as its text, a space in it as U+2581 (▁)."""

    vocabulary: tuple[str, ...] | None = None
    """The units that it knows, without START, END and UNKNOWN; None where it does not list them."""

    order: int | None = None
    """How many units in a row it looks at, at most; None where there is no such bound."""

    @abstractmethod
    def initial_state(self) -> Hashable:
        """The state before the first unit of a text."""

    @abstractmethod
    def score(
        self, states: Sequence[Any], units: Sequence[str]
    ) -> tuple[Sequence[float], Sequence[Hashable]]:
        """ln P of each unit after its state, and the state after the unit.

        END is the end of the text. A unit that the model does not know is UNKNOWN to it; its
        probability is above zero.
        """

    def knows(self, unit: str) -> bool:
        """Whether a unit has a probability of its own, or is UNKNOWN."""
        return True

    def native(self, units: Sequence[str]) -> Any:
        """A library's own object of this model, for a decoder made with that library.

        units: what the decoder will ask for, by the numbers it will use
        None: there is none, and the decoder asks `score`
        """
        return None


class Decoder(ABC):
    """Log-probabilities to hypotheses; constructed with the tokenizer."""

    @abstractmethod
    def decode(self, log_probs: Padded) -> list[list[Hypothesis]]:
        """[batch, frames, vocabulary] natural logarithms to n-best lists, best first."""


class StreamingDecoder(Decoder):
    """A decoder that can also hear log-probabilities as they come.

    Whatever the pieces, a stream gives what `decode` gives for all of its frames at once.
    """

    @abstractmethod
    def begin(self) -> Any:
        """A stream that has heard nothing yet: one object, which `advance` changes."""

    @abstractmethod
    def advance(self, stream: Any, log_probs: Tensor) -> tuple[Word, ...]:
        """Hear the next [frames, vocabulary]; the words that became final with them.

        A word is final when nothing that may follow can change it. Each is given once, in order,
        its frames counted from the stream's beginning.
        """

    def partial(self, stream: Any) -> Hypothesis:
        """The best so far, as if nothing followed; the stream is not changed by it.

        Its words begin with those that were given; what comes after them may still change. A word
        at its end may be unfinished. Raises UserError where a decoder gives none.
        """
        raise UserError(
            f"the decoder {type(self).__name__} gives no text before it is final; take its "
            "words as they become final, or choose one that does, such as greedy or beam"
        )

    @abstractmethod
    def finish(self, stream: Any) -> Hypothesis:
        """The best of all that was heard; its words begin with those that were given."""


class WaveformAugmentation(ABC):
    """A waveform to another of the same length; constructed with `sample_rate` in hertz."""

    @abstractmethod
    def __call__(self, waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """[samples] float32 to [samples] float32, drawn from nothing but the generator."""


class FeatureAugmentation(ABC):
    """Frames to frames; constructed with the number of features."""

    @abstractmethod
    def __call__(self, frames: Tensor, generator: np.random.Generator) -> Tensor:
        """[frames, features] to the same shape, drawn from nothing but the generator."""
