"""ds2kit's promises of a decoder, for each way in which flashlight searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ds2kit_flashlight.decoder import Flashlight
from ds2kit_flashlight.kenlm import KenLM

from ds2kit.components import Tokenizer
from ds2kit.testing import DecoderContract, StreamingDecoderContract
from ds2kit.text.char import Char

WORDS = ("ab", "ba", "a", "abba")


class Streaming(DecoderContract, StreamingDecoderContract):
    """Without a language model or a lexicon, as a yaml has it that says no more."""

    @pytest.fixture
    def tokenizer(self, literal: Any) -> Tokenizer:
        return Char(list(" 'abc"))

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer, options: dict[str, Any]) -> Flashlight:
        return Flashlight(tokenizer, **options)

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"n_best": 5}


class TestDefaults(Streaming):
    """No option at all."""

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {}


class TestAllTokens(Streaming):
    """Nothing is pruned, and the beam is narrow."""

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"n_best": 5, "top_p": 1.0, "top_k": 100, "beam": 8}


class TestMandarin(Streaming):
    @pytest.fixture
    def tokenizer(self, literal: Any) -> Tokenizer:
        return Char(list("今天气好我们"))


class Words(Streaming):
    """Words of a lexicon."""

    @pytest.fixture
    def sayable(self) -> str:
        return "abba a"


class TestLexicon(Words):
    @pytest.fixture
    def options(self, tmp_path: Path) -> dict[str, Any]:
        lexicon = tmp_path / "lexicon.tsv"
        lexicon.write_text("".join(f"{word}\t{' '.join(word)}\n" for word in WORDS))
        return {"n_best": 5, "lexicon": lexicon, "word_score": 0.5}


class TestKenLM(Words):
    @pytest.fixture
    def options(self, tmp_path: Path, literal: Any) -> dict[str, Any]:
        model = KenLM(literal.Toy("word", WORDS).arpa(tmp_path / "toy.arpa"))
        return {"n_best": 5, "language_model": model, "lm_weight": 0.7, "word_score": 0.5}


class TestNarrow(TestKenLM):
    """So narrow that hypotheses may end amid a word."""

    @pytest.fixture
    def options(self, tmp_path: Path, literal: Any) -> dict[str, Any]:
        model = KenLM(literal.Toy("word", WORDS).arpa(tmp_path / "toy.arpa"))
        return {"language_model": model, "beam": 2, "top_k": 2, "log_add": False}


class TestHotWords(Words):
    """A language model of Python's, and words that it does not know."""

    @pytest.fixture
    def options(self, literal: Any) -> dict[str, Any]:
        model = literal.Toy("word", WORDS)
        return {"n_best": 5, "language_model": model, "hot_words": {"cab": 3.0, "a ba": 1.0}}


class TestAnyWord(Streaming):
    """Words that the language model does not know are heard too."""

    @pytest.fixture
    def options(self, literal: Any) -> dict[str, Any]:
        return {
            "beam": 10,
            "language_model": literal.Toy("word", WORDS),
            "unknown_score": -2.0,
        }


class TestCharacters(TestMandarin):
    @pytest.fixture
    def options(self, tmp_path: Path, literal: Any) -> dict[str, Any]:
        model = KenLM(literal.Toy("character", "今天气好我").arpa(tmp_path / "toy.arpa"))
        return {"n_best": 5, "language_model": model}


class TestCharactersScored(TestMandarin):
    """With what flashlight cannot weigh itself."""

    @pytest.fixture
    def options(self, tmp_path: Path, literal: Any) -> dict[str, Any]:
        model = KenLM(literal.Toy("character", "今天气好我").arpa(tmp_path / "toy.arpa"))
        return {"beam": 10, "language_model": model, "word_score": 1.0, "hot_words": {"天气": 2.0}}


class TestPieces(Words):
    """Tokens with spaces inside, and a lexicon."""

    @pytest.fixture
    def tokenizer(self, literal: Any) -> Tokenizer:
        return literal.Pieces([" ab", "ba", " b", " a", "a", "b"])

    @pytest.fixture
    def options(self, tmp_path: Path, literal: Any) -> dict[str, Any]:
        model = KenLM(literal.Toy("word", WORDS).arpa(tmp_path / "toy.arpa"))
        return {"beam": 10, "n_best": 5, "language_model": model, "word_score": 0.5}


class TestPiecesCounted(Streaming):
    """Tokens with spaces inside, counted by the language model."""

    @pytest.fixture
    def tokenizer(self, literal: Any) -> Tokenizer:
        return literal.Pieces([" ab", "ba", " b", " a", "a", "b"])

    @pytest.fixture
    def options(self, tmp_path: Path, literal: Any) -> dict[str, Any]:
        units = ["▁ab", "ba", "▁b", "▁a", "a"]
        return {"language_model": KenLM(literal.Toy("token", units).arpa(tmp_path / "toy.arpa"))}
