"""Which search serves which tokenizer, lexicon and language model: the fastest that is exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from flashlight.lib.text.decoder import LM

from ds2kit.components import LanguageModel, Tokenizer
from ds2kit.decoding.fusion import Fusion
from ds2kit.decoding.hot_words import HotWords
from ds2kit.decoding.lexicon import Lexicon, Spellings
from ds2kit.decoding.limits import Limits, Weights
from ds2kit.lm.units import written
from ds2kit_flashlight.asked import AskedScores
from ds2kit_flashlight.lexicon import separator, spelled
from ds2kit_flashlight.lookahead import BestWord, Lookahead, Promises, Unknown
from ds2kit_flashlight.scores import NativeScores
from ds2kit_flashlight.search import ColumnSearch, Search, TokenSearch, Words, WordSearch


@dataclass(frozen=True)
class Choice:
    """What there is to choose from.

    log_add:   a text is as probable as all of its alignments; false: as the best one
    lexicon:   the only words that may be heard; None: any
    hot_words: bonuses of phrases, as the tokenizer writes them
    """

    tokenizer: Tokenizer
    limits: Limits
    log_add: bool
    weights: Weights
    language_model: LanguageModel | None
    lexicon: Spellings | None
    hot_words: Mapping[str, float]

    def searches(self) -> Callable[[], Search]:
        """What begins a search, for each utterance another."""
        space, model = separator(self.tokenizer), self.language_model
        if self.lexicon is not None and space is not None and (not model or model.unit == "word"):
            return self._by_words(self.lexicon, space)
        return self._by_tokens()

    def _by_words(self, lexicon: Spellings, space: int) -> Callable[[], Search]:
        native = self._native(list(lexicon))
        if native is not None:
            words = Words(lexicon, self.tokenizer.size, space, native)
            return lambda: WordSearch(words, self.limits, native, log_add=self.log_add)
        fusion, promises = self._fusion(None), self._promises()
        written = [(word, self.tokenizer.decode(ids)) for word, (ids, *_) in lexicon.items()]
        asked = partial(AskedScores, fusion, promises, written, self.weights.word_score)
        words = Words(lexicon, self.tokenizer.size, space, asked())
        return lambda: WordSearch(words, self.limits, asked(), log_add=self.log_add)

    def _by_tokens(self) -> Callable[[], Search]:
        size, native = self.tokenizer.size, self._native_tokens()
        if native is not None:
            return lambda: TokenSearch(size, self.limits, native, log_add=self.log_add)
        tree = None if self.lexicon is None else Lexicon(self.lexicon, self.tokenizer)
        fusion, lookaheads = self._fusion(tree), [*self._promises(), *self._of_words(tree)]
        return lambda: ColumnSearch(
            size, self.limits, AskedScores(fusion, lookaheads), log_add=self.log_add
        )

    def _native_tokens(self) -> NativeScores | None:
        """flashlight's own scores of tokens; None where each is not one unit, or counts besides."""
        unit = self.language_model.unit if self.language_model else "character"
        tokens = self.tokenizer.tokens
        letters = all(len(token) == 1 and token != " " for token in tokens[1:])
        if self.lexicon is not None or self.weights.word_score or not (letters or unit == "token"):
            return None
        return None if unit == "word" else self._native([written(token) for token in tokens])

    def _native(self, labels: Sequence[str]) -> NativeScores | None:
        """flashlight's own scores of labels; None where it cannot weigh all itself."""
        model = self.language_model
        native = model.native(labels) if model and not self.hot_words else None
        if self.hot_words or (model and not isinstance(native, LM)):
            return None
        return NativeScores(native, model.order if model else 1, self.weights)

    def _fusion(self, tree: Lexicon | None) -> Fusion:
        tokenizer, hot_words = self.tokenizer, self.hot_words
        return Fusion(
            tokenizer,
            language_model=self.language_model,
            lexicon=tree,
            hot_words=HotWords(hot_words, tokenizer, None) if hot_words else None,
            weights=self.weights,
        )

    def _promises(self) -> list[Lookahead]:
        return [Promises(self.hot_words, self.tokenizer)] if self.hot_words else []

    def _of_words(self, tree: Lexicon | None) -> Iterator[Lookahead]:
        """What can be foreseen amid a word, token by token, by a language model of words."""
        model, tokenizer = self.language_model, self.tokenizer
        if model is None or model.unit != "word":
            return
        if tree is not None and self.lexicon is not None:
            yield BestWord(tree, self.lexicon, model, self.weights.lm_weight)
        elif model.vocabulary is not None:
            # In other letters than the tokenizer's, a word is not met.
            pairs = spelled(model.vocabulary, tokenizer).items()
            met = [word for word, (ids,) in pairs if tokenizer.decode(ids) == word]
            yield Unknown(met, self.weights.unknown_score)
