"""The network: from a waveform to log-probabilities, of whole recordings or as sound arrives."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ds2kit.components import Encoder, Frontend, StreamingEncoder, StreamingFrontend, Tokenizer
from ds2kit.errors import UserError
from ds2kit.registry import Toolkit
from ds2kit.settings import Config
from ds2kit.types import Chunk, Padded, State


class AcousticModel(nn.Module):
    """Frontend, encoder and output layer: the probability of each token in each frame.

    frame_seconds: from one output frame to the next
    """

    def __init__(self, frontend: Frontend, encoder: Encoder, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.frontend = frontend
        self.encoder = encoder
        self.tokenizer = tokenizer
        self.output = nn.Linear(encoder.output_size, tokenizer.size)

    @property
    def sample_rate(self) -> int:
        """Hertz."""
        return self.frontend.sample_rate

    @property
    def frame_seconds(self) -> float:
        return self.frontend.frame_seconds * self.encoder.stride

    def forward(self, waveforms: Padded) -> Padded:
        """[batch, samples] in [-1, 1] to [batch, frames, vocabulary] natural logarithms."""
        return self.classify(self.frontend(waveforms))

    def classify(self, frames: Padded) -> Padded:
        """[batch, frames, features] of the frontend to log-probabilities, in float32 at least."""
        if not frames.values.shape[1]:
            # A batch without a single frame: one of padding, which every encoder can take.
            frames = Padded(F.pad(frames.values, (0, 0, 0, 1)), frames.lengths)
        encoded = self.encoder(frames)
        return Padded(self._log_probs(encoded.cleared().values), encoded.lengths)

    def output_lengths(self, samples: Tensor) -> Tensor:
        """Output frames for so many samples."""
        return self.encoder.output_lengths(self.frontend.output_lengths(samples))

    @property
    def samples_per_step(self) -> int:
        """Samples of one output frame: what `step` takes is a whole number of these."""
        frontend, encoder = self._streaming()
        return frontend.stride * encoder.stride

    @property
    def delay(self) -> int:
        """Samples after which the output of a frame is certain to be out."""
        frontend, encoder = self._streaming()
        return frontend.delay + encoder.delay * frontend.stride

    @property
    def lead(self) -> int:
        """Void samples between a step's beginning and a stream's, less than a step.

        So the stream's first frame, the frontend's delay later, begins a stride of the encoder's.
        """
        frontend, _ = self._streaming()
        return -frontend.delay % self.samples_per_step

    def initial_state(self, streams: int) -> State:
        """The state of `streams` streams that have heard nothing yet.

        Raises UserError, with the reason, where the frontend or the encoder cannot stream.
        """
        frontend, encoder = self._streaming()
        return frontend.initial_state(streams), encoder.initial_state(streams)

    def step(self, chunk: Chunk, state: State) -> tuple[Chunk, State]:
        """The next [streams, samples], whole steps, to [streams, frames, vocabulary].

        A stream begins `lead` samples after a step does; `ds2kit.streaming` sees to it.
        """
        frontend, encoder = self._streaming()
        frames, frontend_state = frontend.step(chunk, state[0])
        encoded, encoder_state = encoder.step(frames, state[1])
        log_probs = Chunk(self._log_probs(encoded.values), encoded.valid).cleared()
        return log_probs, (frontend_state, encoder_state)

    def finish(self, state: State, streams: int) -> Chunk:
        """What is still on its way when no more sound comes."""
        step = self.samples_per_step
        silence = Chunk.void(self, streams, max(1, -(-self.delay // step)) * step)
        last, _ = self.step(silence, state)
        return last

    def _log_probs(self, encoded: Tensor) -> Tensor:
        """[..., features] of the encoder to [..., vocabulary]."""
        logits: Tensor = self.output(encoded)
        return logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(dim=-1)

    def _streaming(self) -> tuple[StreamingFrontend, StreamingEncoder]:
        if not isinstance(self.frontend, StreamingFrontend):
            raise UserError(_cannot_stream("frontend", self.frontend))
        if not isinstance(self.encoder, StreamingEncoder):
            raise UserError(_cannot_stream("encoder", self.encoder))
        return self.frontend, self.encoder


def _cannot_stream(kind: str, part: nn.Module) -> str:
    return (
        f"the {kind} {type(part).__name__} cannot work through speech as it arrives; transcribe "
        "whole recordings, or train a model with one that can"
    )


def build(config: Config, tokenizer: Tokenizer, toolkit: Toolkit) -> AcousticModel:
    """A new model by a config, its weights drawn from torch's generator."""
    frontend = toolkit.make(config.frontend, config.data.sample_rate)
    encoder = toolkit.make(config.encoder, frontend.output_size)
    return AcousticModel(frontend, encoder, tokenizer)
