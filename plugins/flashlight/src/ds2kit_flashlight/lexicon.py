"""The words that a search may hear, and how each is spelled in tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ds2kit.components import LanguageModel, Tokenizer
from ds2kit.decoding.coverage import LEAST_COVERAGE
from ds2kit.decoding.lexicon import Spellings, read_lexicon
from ds2kit.decoding.words import between_words
from ds2kit.errors import UserError


def lexicon_for(
    tokenizer: Tokenizer,
    language_model: LanguageModel | None,
    path: Path | None,
    hot_words: Iterable[str],
    *,
    any_word: bool,
) -> Spellings | None:
    """The words of a file, or else of a language model that counts words; None: all may be heard.

    hot_words: phrases as the tokenizer writes them, whose words are added
    any_word:  words that the language model does not know may be heard too
    Raises UserError where there is no such list, or it cannot be used.
    """
    counts_words = language_model is not None and language_model.unit == "word"
    if any_word and (path or not counts_words):
        raise UserError(
            "decoder: unknown_score lets any word be heard beside those that a language model of "
            "words knows; give such a language_model, and no lexicon"
        )
    if (path or counts_words) and not between_words(tokenizer):
        raise UserError(
            "decoder: no token has a space, so that words cannot be told apart; give a language "
            "model of characters and no lexicon, or take the decoder beam"
        )
    if path:
        found: Spellings = read_lexicon(path, tokenizer)
    elif language_model is not None and counts_words and not any_word:
        if language_model.vocabulary is None:
            raise UserError(
                f"decoder: the language model {type(language_model).__name__} does not list its "
                "words; give a lexicon, or the language model kenlm"
            )
        found = spelled(language_model.vocabulary, tokenizer)
    else:
        return None
    read = {tokenizer.decode(ids) for spellings in found.values() for ids in spellings}
    more = {word for phrase in hot_words for word in phrase.split()} - read
    return {**found, **{word: (tokenizer.encode(word),) for word in sorted(more)}}


def spelled(vocabulary: Sequence[str], tokenizer: Tokenizer) -> dict[str, tuple[list[int]]]:
    """The words of a language model that the tokenizer can write, spelled by it.

    Raises UserError where these are almost none.
    """
    found = {}
    for word in vocabulary:
        ids = [] if tokenizer.foreign(word) else tokenizer.encode(word)
        if ids and " " not in tokenizer.decode(ids):
            found[word] = (ids,)
    if len(found) < LEAST_COVERAGE * len(vocabulary):
        lost = next(word for word in vocabulary if word not in found)
        raise UserError(
            f"language_model: the tokenizer can write {len(found)} of its {len(vocabulary)} words "
            f"(not {lost!r}, for one): it counts something else than words, or is written in "
            "another case or script; give its `unit`, or build one from text as the tokenizer "
            "writes it"
        )
    return found


def separator(tokenizer: Tokenizer) -> int | None:
    """The id of the token that is the space, where no other token has one inside."""
    spaced = [i for i, token in enumerate(tokenizer.tokens) if " " in token]
    return spaced[0] if [tokenizer.tokens[i] for i in spaced] == [" "] else None
