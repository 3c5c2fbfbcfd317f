"""The decoder `beam`: the contracts with each kind of setting, Q worked by hand, bad input."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ds2kit.components import Tokenizer
from ds2kit.decoding.beam import Beam
from ds2kit.decoding.greedy import Greedy
from ds2kit.errors import UserError
from ds2kit.registry import Toolkit
from ds2kit.testing import DecoderContract, StreamingDecoderContract
from ds2kit.text.char import Char
from ds2kit.types import Hypothesis, Padded

LETTERS = Char([" ", "a", "b", "c"])
LEXICON = "a\ta\nabc\ta b c\nbca\tb c a\nb\tb\n"


class TestAlone(DecoderContract, StreamingDecoderContract):
    @pytest.fixture
    def tokenizer(self) -> Tokenizer:
        return LETTERS

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer) -> Beam:
        return Beam(tokenizer, beam=4)


class TestFiveBest(TestAlone):
    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer) -> Beam:
        return Beam(tokenizer, beam=4, n_best=5, hot_words={"abc": 2.0})


class TestWords(TestAlone):
    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer, drawn: Callable[..., Any]) -> Beam:
        model = drawn(["a", "b", "abc"], unit="word")
        return Beam(tokenizer, beam=4, language_model=model, lm_weight=0.5, word_score=1.0)


class TestLexicon(TestAlone):
    @pytest.fixture
    def sayable(self) -> str:
        return "abc bca"

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer, drawn: Callable[..., Any], tmp_path: Path) -> Beam:
        path = tmp_path / "words.txt"
        path.write_text(LEXICON)
        model = drawn(["a", "b", "abc"], unit="word")
        return Beam(tokenizer, beam=4, n_best=2, language_model=model, lexicon=path)


class TestPairs(TestAlone):
    """Tokens of several letters, and characters as the language model's units."""

    @pytest.fixture
    def tokenizer(self, pieces: Callable[..., Tokenizer]) -> Tokenizer:
        return pieces(" ", "a", "b", "c", "ab", "ca")

    @pytest.fixture
    def sayable(self) -> str:
        return "abc cab"

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer, drawn: Callable[..., Any]) -> Beam:
        return Beam(tokenizer, beam=4, language_model=drawn(["a", "b", "c"], unit="character"))


class TestPieces(TestAlone):
    """Tokens with a space in front, as sentencepiece has them, and a language model of tokens."""

    @pytest.fixture
    def tokenizer(self, pieces: Callable[..., Tokenizer]) -> Tokenizer:
        return pieces(" a", " b", "b", "c", " ca")

    @pytest.fixture
    def sayable(self) -> str:
        return "ab bc ca"

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer, drawn: Callable[..., Any]) -> Beam:
        return Beam(tokenizer, beam=4, language_model=drawn(["▁a", "▁b", "c"], unit="token"))


class TestMandarin(TestAlone):
    @pytest.fixture
    def tokenizer(self) -> Tokenizer:
        return Char("今天气好")

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer, drawn: Callable[..., Any]) -> Beam:
        return Beam(tokenizer, beam=4, language_model=drawn("今天气好", unit="character"))


class TestMandarinWords(TestMandarin):
    @pytest.fixture
    def sayable(self) -> str:
        return "今天天气"

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer, drawn: Callable[..., Any], tmp_path: Path) -> Beam:
        path = tmp_path / "words.txt"
        path.write_text("今天\t今 天\n天气\t天 气\n好\t好\n天\t天\n", encoding="utf-8")
        model = drawn(["今天", "天气", "好"], unit="word")
        return Beam(tokenizer, beam=4, language_model=model, lexicon=path)


def decoded(decoder: Beam, log_probs: torch.Tensor) -> list[Hypothesis]:
    return decoder.decode(Padded(log_probs[None], torch.tensor([len(log_probs)])))[0]


def spelled(*frames: dict[str, float]) -> torch.Tensor:
    """[frames, vocabulary]: the probabilities of each frame's labels; `-` is the blank."""
    labels = ("-", *LETTERS.tokens[1:])
    rows = [[frame.get(label, 0.0) for label in labels] for frame in frames]
    return torch.tensor(rows, dtype=torch.float64).log()


TOY = """\
\\data\\
ngram 1=5
ngram 2=4

\\1-grams:
-99\t<s>\t-0.30103
-0.60206\t</s>
-1\t<unk>
-0.60206\ta\t-0.30103
-0.30103\tba\t0

\\2-grams:
-0.69897\t<s> a
-0.39794\ta ba
-0.22185\tba </s>
-0.15490\ta </s>

\\end\\
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = tmp_path / "toy.arpa"
    path.write_text(TOY)
    return path


def test_q_worked_by_hand(toy: Path, toy_arpa: Callable[..., Any]) -> None:
    """Three frames: `a` certainly, then a space or a blank, then `a` or `b` or a blank."""
    log_probs = spelled({"a": 1.0}, {" ": 0.6, "-": 0.4}, {"a": 0.3, "b": 0.5, "-": 0.2})
    decoder = Beam(
        LETTERS, language_model=toy_arpa(toy), lm_weight=2.0, word_score=0.5, top_p=1.0, n_best=9
    )

    found = {h.text: h for h in decoded(decoder, log_probs)}

    # By hand, probabilities: p(</s>) = p(a) = 1/4, p(ba) = 1/2, p(<unk>) = 1/10.
    # p(a | <s>) = 1/5, p(</s> | a) = 0.7; after <s> and a the back-off is 1/2.
    by_hand = {
        # a, a space or a blank, a blank: 0.2.
        "a": (0.2, 0.2 * 0.7, 1),
        # p(a | a) backs off: 1/2 * 1/4.
        "a a": (0.6 * 0.3, 0.2 * 0.5 * 0.25 * 0.7, 2),
        # b is unknown, has no back-off, and so the end has its unigram.
        "a b": (0.6 * 0.5, 0.2 * 0.5 * 0.1 * 0.25, 2),
        # Letters after a blank: words that are unknown.
        "aa": (0.4 * 0.3, 0.5 * 0.1 * 0.25, 1),
        "ab": (0.4 * 0.5, 0.5 * 0.1 * 0.25, 1),
    }
    assert set(found) == set(by_hand)
    for text, (p_ctc, p_lm, words) in by_hand.items():
        assert found[text].acoustic_score == pytest.approx(math.log(p_ctc), abs=1e-9)
        assert found[text].language_score == pytest.approx(math.log(p_lm), abs=1e-4)
        q = math.log(p_ctc) + 2.0 * math.log(p_lm) + 0.5 * words
        assert found[text].score == pytest.approx(q, abs=1e-3)


def test_says_nothing_of_a_language_model_that_is_not_there() -> None:
    (best,) = decoded(Beam(LETTERS), spelled({"a": 0.6, "-": 0.4}))

    assert best.text == "a"
    assert best.score == best.acoustic_score == pytest.approx(math.log(0.6))
    assert best.language_score is None


def test_the_language_model_counts_once_where_no_weight_is_given(
    toy: Path, toy_arpa: Callable[..., Any]
) -> None:
    log_probs = spelled({"a": 0.6, "-": 0.4})
    one = decoded(Beam(LETTERS, language_model=toy_arpa(toy)), log_probs)
    other = decoded(Beam(LETTERS, language_model=toy_arpa(toy), lm_weight=1.0), log_probs)

    assert one == other
    assert one[0].score == pytest.approx(one[0].acoustic_score + one[0].language_score)


def test_hears_what_greedy_cannot() -> None:
    """Graves' example: the best path is silence, the best text is not."""
    log_probs = spelled({"a": 0.4, "-": 0.6}, {"a": 0.4, "-": 0.6})
    batch = Padded(log_probs[None], torch.tensor([2]))

    assert Greedy(LETTERS).decode(batch)[0][0].text == ""
    assert Beam(LETTERS).decode(batch)[0][0].text == "a"


def test_a_partial_text_has_the_letters_of_an_unfinished_word() -> None:
    decoder = Beam(LETTERS)
    stream = decoder.begin()
    decoder.advance(stream, spelled({"a": 1.0}, {" ": 1.0}, {"b": 1.0}))

    partial = decoder.partial(stream)
    decoder.advance(stream, spelled({"c": 1.0}))

    assert partial.text == "a b"
    assert [(word.text, word.start_frame) for word in partial.words] == [("a", 0), ("b", 2)]
    assert decoder.finish(stream).text == "a bc"


def test_is_built_from_a_yaml(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text(LEXICON)
    toolkit, problems = Toolkit.installed(), []
    section = {"name": "beam", "beam": 4, "lexicon": "words.txt", "hot_words": {"b": 1}}

    chosen = toolkit.choose("decoder", section, "decoder", tmp_path, problems)

    assert not problems
    assert isinstance(toolkit.make(chosen, LETTERS), Beam)
    assert chosen.options["hot_words"] == {"b": 1.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam is 0; it takes 1 or more"),
        ({"beam_threshold": 0.0}, "beam_threshold is 0; it takes above 0"),
        ({"beam_threshold": math.nan}, "beam_threshold is nan; it takes above 0"),
        ({"n_best": 0}, "n_best is 0; it takes 1 or more"),
        ({"top_k": 0}, "top_k is 0; it takes 1 or more"),
        ({"top_p": 0.0}, "top_p is 0; it takes more than 0, and 1 at most"),
        ({"top_p": 1.5}, "top_p is 1.5; it takes more than 0, and 1 at most"),
        ({"lm_weight": 0.7}, "lm_weight is 0.7, and there is no language model to weigh"),
        ({"lm_weight": math.nan}, "lm_weight is nan; it takes a number"),
        ({"word_score": math.inf}, "word_score is inf; it takes a number"),
        ({"unknown_score": math.nan}, "unknown_score is nan; it takes a number"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as told:
        Beam(LETTERS, **options)

    assert message in str(told.value)
    assert "\n" not in str(told.value)


def test_names_the_utterance_that_is_no_log_probability() -> None:
    good = torch.zeros(3, LETTERS.size).log_softmax(dim=-1)
    values = torch.stack([good, good, good])
    values[1, 2, 0] = math.nan
    lengths = torch.tensor([3, 3, 3])

    with pytest.raises(UserError, match="utterance 2 of 3: frame 2 holds NaN"):
        Beam(LETTERS).decode(Padded(values, lengths))
    assert len(Beam(LETTERS).decode(Padded(values, torch.tensor([3, 2, 3])))) == 3
    decoder = Beam(LETTERS)
    stream = decoder.begin()
    decoder.advance(stream, good)
    with pytest.raises(UserError, match=r"the stream after 3 frames: .* sum to 5;"):
        decoder.advance(stream, torch.zeros(3, LETTERS.size))
