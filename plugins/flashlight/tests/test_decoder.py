"""The decoder as its users meet it: scores, words, options, and what it refuses."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from ds2kit_flashlight.decoder import Flashlight
from ds2kit_flashlight.kenlm import KenLM
from torch import Tensor

from ds2kit.components import LanguageModel
from ds2kit.errors import UserError
from ds2kit.text.char import Char
from ds2kit.types import Hypothesis, Padded

LETTERS = Char(list(" abc"))
WORDS = ("ab", "ba", "abc", "c")


@pytest.fixture
def toy(literal: Any) -> Any:
    return literal.Toy("word", WORDS)


@pytest.fixture
def kenlm(toy: Any, tmp_path: Path) -> KenLM:
    return KenLM(toy.arpa(tmp_path / "toy.arpa"))


def decoded(decoder: Flashlight, log_probs: Tensor) -> list[Hypothesis]:
    return decoder.decode(Padded(log_probs[None], torch.tensor([len(log_probs)])))[0]


def spoken(tokenizer: Any, frames: Sequence[str], sure: float = 0.9) -> Tensor:
    """[frames, vocabulary]: one symbol a frame, `_` for the blank, with such a probability."""
    log_probs = torch.full((len(frames), tokenizer.size), 0.0)
    log_probs += math.log((1 - sure) / (tokenizer.size - 1))
    for frame, symbol in enumerate(frames):
        token = 0 if symbol == "_" else tokenizer.tokens.index(symbol)
        log_probs[frame, token] = math.log(sure)
    return log_probs


def test_scores_are_told_apart(kenlm: KenLM, toy: Any) -> None:
    decoder = Flashlight(
        LETTERS, language_model=kenlm, lm_weight=0.7, word_score=0.5, n_best=10, top_p=1.0
    )

    found = decoded(decoder, spoken(LETTERS, "_aab_bba_ ab", 0.7))

    assert len(found) == 10
    for hypothesis in found:
        words = hypothesis.text.split()
        assert hypothesis.language_score == pytest.approx(toy.ln(words), abs=1e-5)
        assert hypothesis.acoustic_score is not None
        assert hypothesis.score == pytest.approx(
            hypothesis.acoustic_score + 0.7 * toy.ln(words) + 0.5 * len(words), abs=1e-5
        )


def test_no_language_model_has_no_score() -> None:
    best = decoded(Flashlight(LETTERS), spoken(LETTERS, "a_b"))[0]

    assert best.language_score is None
    assert best.acoustic_score == best.score


def test_words_have_times_and_confidence(kenlm: KenLM) -> None:
    log_probs = spoken(LETTERS, "__aab_ _bba_ ")
    log_probs[4] = spoken(LETTERS, "b", 0.6)[0]

    best = decoded(Flashlight(LETTERS, language_model=kenlm, lm_weight=0.1), log_probs)[0]

    assert [(word.text, word.start_frame, word.end_frame) for word in best.words] == [
        ("ab", 2, 5),
        ("ba", 8, 11),
    ]
    assert [word.confidence for word in best.words] == pytest.approx([0.6, 0.9], abs=1e-6)
    assert best.text == LETTERS.decode(best.tokens) == "ab ba"


def test_the_language_model_decides(kenlm: KenLM, toy: Any) -> None:
    """`abc` or `ab c` by sound; what is likelier, by text, wins."""
    log_probs = spoken(LETTERS, "ab c", 0.9)
    log_probs[2] = torch.tensor([0.5, 0.5, 1e-9, 1e-9, 1e-9]).log()
    log_probs[2] -= log_probs[2].logsumexp(0)
    likelier = max(("abc", "ab c"), key=lambda text: toy.ln(text.split()))

    found = decoded(Flashlight(LETTERS, language_model=kenlm, n_best=50), log_probs)

    assert next(one.text for one in found if one.text in ("abc", "ab c")) == likelier


def test_utterances_do_not_hang_together(kenlm: KenLM) -> None:
    """A language model of Python's keeps nothing between them; one after another is each alone."""
    decoder = Flashlight(LETTERS, language_model=kenlm, hot_words={"abc": 1.0})
    first, second = spoken(LETTERS, "ab_c", 0.6), spoken(LETTERS, "__ba c", 0.6)

    alone = [decoded(decoder, item) for item in (first, second)]
    lengths = torch.tensor([len(first), len(second)])
    joined = torch.nn.utils.rnn.pad_sequence([first, second], batch_first=True)

    assert decoder.decode(Padded(joined, lengths)) == alone


def test_a_word_that_the_tokenizer_cannot_write_is_left_out(literal: Any) -> None:
    model = literal.Toy("word", (*WORDS, "zoo", "a-b"))
    decoder = Flashlight(LETTERS, language_model=model)

    assert decoder.lexicon is not None
    assert tuple(decoder.lexicon) == WORDS


def test_hot_words_are_added_to_the_lexicon(toy: Any) -> None:
    log_probs = spoken(LETTERS, "caab", 0.9)

    assert decoded(Flashlight(LETTERS, language_model=toy), log_probs)[0].text != "cab"
    hot = Flashlight(LETTERS, language_model=toy, hot_words={"cab": 5.0})
    assert decoded(hot, log_probs)[0].text == "cab"


def test_a_model_of_another_script_is_refused(literal: Any) -> None:
    model = literal.Toy("word", ("今天", "天气"))

    with pytest.raises(UserError, match=r"can write 0 of its 2 words \(not '今天', for one\)"):
        Flashlight(LETTERS, language_model=model)


def test_a_model_of_another_unit_is_refused(literal: Any) -> None:
    """Tokens of a tokenizer taken for words; letters that no token has."""
    pieces = literal.Toy("word", ("▁ab", "▁b"))
    with pytest.raises(UserError, match="counts something else than words"):
        Flashlight(LETTERS, language_model=pieces)
    hanzi = literal.Toy("character", "今天气")
    with pytest.raises(UserError, match=r"knows 0 of the tokenizer's 3 characters \(not 'a'"):
        Flashlight(LETTERS, language_model=hanzi)
    tokens = literal.Toy("token", ("▁ab", "▁b"))
    with pytest.raises(UserError, match="knows 0 of the tokenizer's 4 tokens"):
        Flashlight(LETTERS, language_model=tokens)


def test_a_lexicon_that_the_model_does_not_know_is_refused(toy: Any, tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon.tsv"
    lexicon.write_text("aa\ta a\nbb\tb b\n")

    with pytest.raises(UserError, match="knows 0 of the lexicon's 2 words"):
        Flashlight(LETTERS, language_model=toy, lexicon=lexicon)


def test_words_need_spaces(literal: Any) -> None:
    with pytest.raises(UserError, match="no token has a space"):
        Flashlight(literal.mandarin, language_model=literal.Toy("word", ("今天",)))


def test_a_model_that_does_not_list_its_words_needs_a_lexicon(toy: Any, tmp_path: Path) -> None:
    del toy.vocabulary
    toy.knows = lambda unit: unit in WORDS
    lexicon = tmp_path / "lexicon.tsv"
    lexicon.write_text("ab\ta b\n")

    with pytest.raises(UserError, match="Toy does not list its words; give a lexicon"):
        Flashlight(LETTERS, language_model=toy)
    assert (
        decoded(Flashlight(LETTERS, language_model=toy, lexicon=lexicon), spoken(LETTERS, "ab"))[
            0
        ].text
        == "ab"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"beam": 0}, "decoder: beam is 0; it takes 1 or more"),
        ({"top_k": 0}, "decoder: top_k is 0; it takes 1 or more"),
        ({"n_best": -1}, "decoder: n_best is -1; it takes 1 or more"),
        ({"top_p": 0.0}, "decoder: top_p is 0; it takes more than 0, and 1 at most"),
        ({"top_p": 1.1}, "decoder: top_p is 1.1"),
        ({"top_p": math.nan}, "decoder: top_p is nan"),
        ({"beam_threshold": 0.0}, "decoder: beam_threshold is 0; it takes above 0"),
        ({"word_score": math.nan}, "decoder: word_score is nan; it takes a number"),
        ({"lm_weight": 1.0}, "there is no language model to weigh"),
        ({"unknown_score": -1.0}, "unknown_score lets any word be heard beside those"),
        ({"lexicon": Path("absent")}, "lexicon absent cannot be read"),
        ({"hot_words": {"xyz": 1.0}}, "hot_words: 'xyz' holds 'x'"),
        ({"hot_words": {" ": 1.0}}, "hot_words: ' ' is no word"),
        ({"hot_words": {"ab": math.inf}}, "hot_words: the bonus of 'ab' is inf"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as refused:
        Flashlight(LETTERS, **options)

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_log_probabilities_that_are_none_are_refused() -> None:
    decoder, log_probs = Flashlight(LETTERS), spoken(LETTERS, "ab")
    broken = torch.full_like(log_probs, math.nan)
    batch = Padded(torch.stack([log_probs, broken]), torch.tensor([2, 2]))

    with pytest.raises(UserError, match="utterance 2 of 2: frame 0 holds NaN"):
        decoder.decode(batch)
    stream = decoder.begin()
    decoder.advance(stream, log_probs)
    with pytest.raises(UserError, match="the stream after 2 frames: frame 0 holds NaN"):
        decoder.advance(stream, broken)
    # Padding is nobody's.
    assert decoder.decode(Padded(batch.values, torch.tensor([2, 0])))[1][0].text == ""


def test_where_the_lexicon_has_no_way(kenlm: KenLM) -> None:
    """Nothing but what no word begins with is left by the pruning: there is a result all the same,
    of whole words.
    """
    decoder = Flashlight(LETTERS, language_model=kenlm, top_p=0.5, top_k=1, beam=3)

    best = decoded(decoder, spoken(LETTERS, "ab_aaaacaacaacaaa", 0.999))[0]

    assert set(best.text.split()) <= set(WORDS)
    assert math.isfinite(best.score)


def test_errors_of_a_language_model_come_through(toy: Any) -> None:
    class Failing(type(toy)):  # type: ignore[misc]
        def score(self, states: Any, units: Any) -> Any:
            if "abc" in units and "<s>" not in states:
                raise RuntimeError("the model's own words")
            return super().score(states, units)

    toy.__class__ = Failing
    decoder = Flashlight(LETTERS, language_model=toy)

    with pytest.raises(RuntimeError, match="the model's own words"):
        decoded(decoder, spoken(LETTERS, "ab abc"))
    assert decoded(decoder, spoken(LETTERS, "ab"))[0].text == "ab"


def test_a_language_model_is_not_asked_twice(toy: Any) -> None:
    """Whatever it costs, once a text is enough."""
    decoder = Flashlight(LETTERS, language_model=toy, beam=20, top_p=1.0)
    toy.asked = 0
    asked: list[tuple[Any, Any]] = []
    score = toy.score
    toy.score = lambda states, units: asked.append((states, units)) or score(states, units)

    decoded(decoder, spoken(LETTERS, "ab ba abc c ab", 0.6))

    assert 0 < len(asked) < 600


def test_a_forked_child_decodes(kenlm: KenLM) -> None:
    """Workers are forked from a process that has loaded the language model."""
    decoder, log_probs = Flashlight(LETTERS, language_model=kenlm), spoken(LETTERS, "ab c", 0.7)
    expected = decoded(decoder, log_probs)
    child = os.fork()
    if child == 0:
        os._exit(0 if decoded(decoder, log_probs) == expected else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert decoded(decoder, log_probs) == expected


def test_it_is_a_component(toy: Any, tmp_path: Path) -> None:
    """Found and made by name, with the language model as an option of the decoder."""
    from ds2kit.registry import Toolkit

    toolkit, problems = Toolkit.installed(), list[str]()
    path = toy.arpa(tmp_path / "toy.arpa")
    section = {"name": "flashlight", "language_model": {"name": "kenlm", "path": path.name}}
    chosen = toolkit.choose("decoder", section, "decoder", tmp_path, problems)

    assert problems == []
    decoder = toolkit.make(chosen, LETTERS)
    assert isinstance(decoder, Flashlight)
    assert decoded(decoder, spoken(LETTERS, "ab"))[0].text == "ab"


def test_any_language_model_will_do(toy: Any) -> None:
    assert isinstance(toy, LanguageModel)
    assert toy.native(["ab"]) is None
