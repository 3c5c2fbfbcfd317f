"""SentencePiece's trainer, set so that the same transcripts give the same model."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Literal

from sentencepiece import SentencePieceTrainer

from ds2kit.errors import UserError

NAME = "sentencepiece"

ModelType = Literal["unigram", "bpe"]

SPACE = "\u2581"
"""How SentencePiece writes a space."""

RESERVED = frozenset(f"\0{SPACE}\u2585")
"""What SentencePiece keeps for itself: no piece holds a null or the sign of an unknown symbol."""

_TOO_LARGE = re.compile(r"set it to a value <= (\d+)")
_TOO_SMALL = re.compile(r"required_chars\. \d+ vs (\d+)")


def train(sentences: Sequence[str], vocabulary: int, model: ModelType) -> bytes:
    """The serialised model of normalised sentences; its id 0 is the unknown symbol's.

    Raises UserError where the sentences do not give a vocabulary of that size.
    """
    _check(sentences)
    written = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=written,
            model_type=model,
            vocab_size=vocabulary,
            # Each symbol is a piece, and what is read is what was written.
            character_coverage=1.0,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            byte_fallback=False,
            # A word is cut the same way at the beginning of a text and in it; where no words are
            # apart, the space before a text would only be a token that nobody says.
            add_dummy_prefix=any(" " in sentence for sentence in sentences),
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            # What is longer would be left out without a word; it takes no more than this.
            max_sentence_length=1 << 30,
            # With more, sums are taken in another order.
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _refusal(str(error), vocabulary) from None
    return written.getvalue()


def _check(sentences: Sequence[str]) -> None:
    if not sentences:
        raise UserError(
            f"{NAME}: found no symbol in the transcripts of the training split; "
            "prepare it with transcripts"
        )
    for sentence in sentences:
        if found := RESERVED & set(sentence):
            named = ", ".join(f"{symbol!r} (U+{ord(symbol):04X})" for symbol in sorted(found))
            raise UserError(
                f"{NAME}: {sentence[:40]!r} holds {named}, which SentencePiece keeps for itself; "
                "take it out of the transcript"
            )


def _refusal(told: str, vocabulary: int) -> UserError:
    """What SentencePiece refused, and the number that it would take."""
    begin = f"{NAME}: vocabulary is {vocabulary}, but the transcripts"
    if most := _TOO_LARGE.search(told):
        return UserError(
            f"{begin} give {most[1]} tokens at most; set tokenizer.vocabulary={most[1]} or less"
        )
    if least := _TOO_SMALL.search(told):
        return UserError(
            f"{begin} have {int(least[1]) - 1} symbols, each a token, and the blank is one; "
            f"set tokenizer.vocabulary={least[1]} or more"
        )
    told = " ".join(told.split())
    return UserError(
        f"{NAME}: SentencePiece cannot learn from these transcripts ({told}); "
        "take tokenizer.model=bpe, or the tokenizer char"
    )
