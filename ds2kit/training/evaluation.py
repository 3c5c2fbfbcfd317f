"""How well a model does on dev: error rates by greedy search, and the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from ds2kit.components import Decoder
from ds2kit.data.batches import Batch, Loader, Selection, evaluation_steps
from ds2kit.data.index import Index
from ds2kit.errors import UserError
from ds2kit.model import AcousticModel
from ds2kit.scoring.align import leading_unit, score_characters, score_words
from ds2kit.training.loss import ctc_losses
from ds2kit.training.ranks import raise_together
from ds2kit.types import Score

WORDS, CHARACTERS = slice(0, 4), slice(4, 8)


@dataclass(frozen=True)
class Evaluation:
    """Dev as a whole.

    loss:     mean over the utterances that CTC can align
    left_out: utterances that it cannot, or that hold foreign symbols; they are scored all the same
    unit:     what leads: the word, or the character where the transcripts have no spaces
    """

    loss: float
    utterances: int
    left_out: int
    words: Score
    characters: Score
    unit: str

    @property
    def rate(self) -> float:
        """The error rate by which the best checkpoint is chosen."""
        return self.words.rate if self.unit == "word" else self.characters.rate


def evaluate(
    model: AcousticModel,
    decoder: Decoder,
    index: Index,
    *,
    seconds_per_step: float,
    workers: int,
    rank: int = 0,
    ranks: int = 1,
    between: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Decode and score a split, whole; ranks share it and all get the joint result.

    between: called between batches, so that an interrupt is heard
    Raises UserError for speech that cannot be read, on all ranks together.
    """
    steps = evaluation_steps(
        Selection.of(index),
        model.tokenizer,
        sample_rate=model.sample_rate,
        seconds_per_step=seconds_per_step,
        rank=rank,
        ranks=ranks,
    )
    sums, error = torch.zeros(11, dtype=torch.float64), ""
    try:
        with evaluating(model):
            for batch in Loader(steps, workers=workers):
                between()
                sums += _batch_sums(model, decoder, batch)
    except UserError as raised:
        if ranks == 1:
            raise
        error = str(raised)
    if ranks > 1:
        sums = _over_ranks(sums, error, next(model.parameters()).device, ranks)
    numbers = [int(number) for number in sums[:10].tolist()]
    return Evaluation(
        loss=float(sums[10]) / max(1, numbers[8] - numbers[9]),
        utterances=numbers[8],
        left_out=numbers[9],
        words=Score(*numbers[WORDS]),
        characters=Score(*numbers[CHARACTERS]),
        unit=leading_unit(index.texts),
    )


def _over_ranks(sums: torch.Tensor, error: str, device: torch.device, ranks: int) -> torch.Tensor:
    shared = torch.cat([sums, torch.tensor([float(bool(error))]).double()]).to(device)
    dist.all_reduce(shared)
    if shared[-1] > 0:
        raise_together(error, ranks)
    return shared[:-1].cpu()


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """In evaluation and without gradients; as it was afterwards."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def _batch_sums(model: AcousticModel, decoder: Decoder, batch: Batch) -> torch.Tensor:
    """[11]: word edits and units, character edits and units, utterances, left out, loss."""
    like = next(model.parameters())
    batch = batch.to(like.device, like.dtype)
    log_probs = model(batch.waveforms)
    words = characters = Score(0, 0, 0, 0)
    for text, best in zip(batch.texts, decoder.decode(log_probs), strict=False):
        words += score_words(text, best[0].text)
        characters += score_characters(text, best[0].text, spaces=False)
    losses, aligned = ctc_losses(log_probs, batch.tokens)
    has_tokens = batch.tokens.lengths > 0
    learned = int((aligned & has_tokens).sum()) if batch.keys else 0
    kept = losses[has_tokens[aligned]].double().sum() if learned else torch.zeros(())
    edits = [
        number
        for score in (words, characters)
        for number in (score.substitutions, score.deletions, score.insertions, score.units)
    ]
    counts = [len(batch.keys), len(batch.keys) - learned, float(kept)]
    return torch.tensor([*edits, *counts], dtype=torch.float64)
