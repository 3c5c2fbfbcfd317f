"""Which search serves which tokenizer, lexicon and language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flashlight.lib.text.decoder import LM

from ds2kit.components import LanguageModel, Tokenizer
from ds2kit.decoding.words import between_words
from ds2kit.errors import UserError
from ds2kit.lm.units import written
from ds2kit_flashlight.coverage import check_knows, check_lexicon
from ds2kit_flashlight.fusion import Fusion, Weights
from ds2kit_flashlight.hot_words import HotWords
from ds2kit_flashlight.lexicon import Lexicon, lexicon_at, lexicon_of, separator
from ds2kit_flashlight.readers import AnyWords, Listed, Reader, Spelled
from ds2kit_flashlight.search import Limits, Native, Search, TokenSearch, WordSearch


@dataclass(frozen=True)
class Material:
    """What a search is made of.

    open: any word may be heard, for unknown_score
    """

    tokenizer: Tokenizer
    limits: Limits
    weights: Weights
    language_model: LanguageModel | None
    hot_words: HotWords | None
    open: bool

    @property
    def unit(self) -> str | None:
        """What the language model counts; None: there is none."""
        return self.language_model.unit if self.language_model else None

    @property
    def spaced(self) -> bool:
        return between_words(self.tokenizer) == " "


def lexicon_for(made: Material, path: Path | None) -> Lexicon | None:
    """The words that may be heard: of a file, or the language model's own; None: any.

    Raises UserError where one is needed and there is none, or it cannot be used.
    """
    model, tokenizer = made.language_model, made.tokenizer
    if made.open and (made.unit != "word" or path):
        raise UserError(
            "flashlight: unknown_score lets any word be heard beside those that a language model "
            "of words knows; give such a language_model, and no lexicon"
        )
    if (path or made.unit == "word") and not made.spaced:
        raise UserError(
            "flashlight: no token has a space, so that words cannot be told apart; give a "
            "language model of characters and no lexicon, or take the decoder beam"
        )
    if path:
        found = lexicon_at(path, tokenizer)
        if model and made.unit == "word":
            check_knows(model, found.words, "the lexicon's")
    elif model and made.unit == "word" and not made.open:
        found = lexicon_of(_vocabulary(model), tokenizer)
        check_lexicon(found, _vocabulary(model))
    else:
        return None
    return found.with_words(made.hot_words.words, tokenizer) if made.hot_words else found


def search_for(made: Material, lexicon: Lexicon | None) -> Search:
    """The fastest search that is exact."""
    if lexicon is None:
        return TokenSearch(made.tokenizer, made.limits, _of_tokens(made))
    space = separator(made.tokenizer)
    if space is not None:
        scores = _of_words(made, lexicon)
        return WordSearch(lexicon, made.tokenizer, space, made.limits, scores)
    return TokenSearch(made.tokenizer, made.limits, _of_spellings(made, lexicon))


def _vocabulary(model: LanguageModel) -> Sequence[str]:
    vocabulary: Sequence[str] | None = getattr(model, "vocabulary", None)
    if vocabulary is None:
        raise UserError(
            f"flashlight: the language model {type(model).__name__} does not list its words; give "
            "a lexicon, or the language model kenlm"
        )
    return vocabulary


def _asks(made: Material) -> bool:
    """Whether flashlight's own weighing does not do, token by token."""
    return made.hot_words is not None or made.weights.word_score != 0


def _order(made: Material) -> int | None:
    """How many units in a row the language model looks at; None: it does not say."""
    return getattr(made.language_model, "order", None) if made.language_model else 1


def _native(model: LanguageModel | None, units: Sequence[str]) -> LM | None:
    native = model.native(units) if model else None
    return native if isinstance(native, LM) else None


def _of_words(made: Material, lexicon: Lexicon) -> Native | Fusion:
    """Scores of whole words, in order of the lexicon."""
    if made.hot_words is None and made.unit in (None, "word"):
        native = _native(made.language_model, lexicon.words)
        if native is not None or made.language_model is None:
            return Native(native, _order(made), made.weights)
    return _listed(made, lexicon, _units(made, lexicon))


def _units(made: Material, lexicon: Lexicon) -> list[tuple[str, ...]]:
    """The units of each word of a lexicon."""
    if made.unit == "character":
        return [tuple(made.tokenizer.decode(one[0])) for one in lexicon.spellings]
    if made.unit == "token":
        tokens = made.tokenizer.tokens
        return [tuple(written(tokens[i]) for i in one[0]) for one in lexicon.spellings]
    return [(word,) for word in lexicon.words]


def _listed(made: Material, lexicon: Lexicon, units: Sequence[tuple[str, ...]]) -> Fusion:
    apart = made.unit == "token" and separator(made.tokenizer) is not None
    texts = [f"{made.tokenizer.decode(one[0])} " for one in lexicon.spellings]
    return _fusion(made, Listed(units, written(" ") if apart else None), texts, merges=False)


def _of_spellings(made: Material, lexicon: Lexicon) -> Fusion:
    """Scores of tokens, which spell the words of a lexicon with the spaces inside them."""
    units = _units(made, lexicon)
    whole = _listed(made, lexicon, units)
    begin = whole.begin()
    worth = [
        whole.follow(begin, word)[0] - made.weights.word_score for word in range(len(lexicon.words))
    ]
    reader = Spelled(lexicon, made.tokenizer, units, worth)
    return _fusion(made, reader, made.tokenizer.tokens, merges=True)


def _of_tokens(made: Material) -> Native | Fusion:
    """Scores of tokens, any of which may follow any."""
    model, tokens = made.language_model, made.tokenizer.tokens
    characters = [tuple(token.replace(" ", "")) for token in tokens]
    if model is None:
        if not _asks(made) and all(len(t) == 1 != t.count(" ") for t in tokens[1:]):
            return Native(None, 1, made.weights)
        reader: Reader = AnyWords(made.tokenizer, None, 0.0) if made.spaced else Listed(characters)
        return _fusion(made, reader, tokens, merges=True)
    if made.unit == "word":
        return _fusion(made, _any_words(made, model), tokens, merges=True)
    units = [(written(token),) for token in tokens] if made.unit == "token" else characters
    check_knows(model, sorted({one for listed in units[1:] for one in listed}), "the tokenizer's")
    if not _asks(made) and all(len(listed) == 1 for listed in units[1:]):
        native = _native(model, ["".join(listed) for listed in units])
        if native is not None:
            return Native(native, _order(made), made.weights)
    return _fusion(made, Listed(units), tokens, merges=made.unit == "character")


def _any_words(made: Material, model: LanguageModel) -> AnyWords:
    vocabulary: Sequence[str] | None = getattr(model, "vocabulary", None)
    if vocabulary is not None:
        found = lexicon_of(vocabulary, made.tokenizer)
        pairs = zip(found.words, found.spellings, strict=True)
        # In other letters than the tokenizer's, a word is not met.
        vocabulary = [word for word, one in pairs if made.tokenizer.decode(one[0]) == word]
        check_lexicon(replace(found, words=tuple(vocabulary)), found.words)
    return AnyWords(made.tokenizer, vocabulary, made.weights.unknown_score)


def _fusion(made: Material, reader: Reader, texts: Sequence[str], *, merges: bool) -> Fusion:
    return Fusion(
        reader,
        texts,
        made.weights,
        language_model=made.language_model,
        hot_words=made.hot_words,
        merges=merges,
    )
