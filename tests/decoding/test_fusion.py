"""What tokens make of texts, and what these are worth: units, bonuses, the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ds2kit.components import Tokenizer
from ds2kit.decoding.fusion import KEPT_LETTERS, Fusion, Prefix, unit_of
from ds2kit.decoding.hot_words import HotWords
from ds2kit.decoding.lexicon import Lexicon
from ds2kit.decoding.limits import Weights
from ds2kit.text.char import Char

LETTERS = Char(" ab")


def fusion(tokenizer: Tokenizer = LETTERS, **options: Any) -> Fusion:
    defaults: dict[str, Any] = {
        "language_model": None,
        "lexicon": None,
        "hot_words": None,
        "weights": Weights(),
    }
    return Fusion(tokenizer, **defaults | options)


def after(led: Fusion, tokens: Sequence[int]) -> Prefix:
    """The one text that tokens make."""
    answers, prefix = led.answers(), led.begin()
    for token in tokens:
        [following] = led.go_on([prefix], [token], answers)
        [prefix] = following[token]
    return prefix


def whole(led: Fusion, tokens: Sequence[int]) -> Prefix:
    """The same where the text ends."""
    [[ended]] = led.end([after(led, tokens)], led.answers())
    assert ended.dropped == 0
    return ended.prefix


def ids(tokenizer: Tokenizer, *tokens: str) -> list[int]:
    return [tokenizer.tokens.index(token) for token in tokens]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [("", ""), ("  ", ""), (" a", "a"), ("a  b", "a b"), ("a ", "a "), ("ab", "ab")],
)
def test_texts_have_single_spaces(tokens: str, text: str) -> None:
    assert after(fusion(), ids(LETTERS, *tokens)).key == text


def test_the_same_text_in_other_tokens_is_the_same(pieces: Callable[..., Tokenizer]) -> None:
    tokenizer = pieces(" ", "a", "b", "ab", " a")

    keys = {
        after(fusion(tokenizer), ids(tokenizer, *said)).key
        for said in (["a", " ", "ab"], [" a", " a", "b"], [" a", " ", " a", "b"])
    }

    assert keys == {"a ab"}


def test_a_word_is_scored_when_it_ends(drawn: Callable[..., Any]) -> None:
    model = drawn(["a", "ab"], unit="word")
    led = fusion(language_model=model, weights=Weights(2.0, 0.5))

    unfinished, ended = after(led, ids(LETTERS, *"ab")), after(led, ids(LETTERS, *"ab "))

    assert (unfinished.units, unfinished.worth) == (0, 0.0)
    assert ended.language == pytest.approx(model.ln["<s>", "ab"])
    assert ended.worth == pytest.approx(2.0 * model.ln["<s>", "ab"] + 0.5)
    for tokens in ("ab a", "ab a "):
        text = whole(led, ids(LETTERS, *tokens))
        assert text.language == pytest.approx(model.of(["ab", "a"]))
        assert text.worth == pytest.approx(2.0 * model.of(["ab", "a"]) + 1.0)


def test_unknown_words_cost(drawn: Callable[..., Any]) -> None:
    model = drawn(["a", "ab"], unit="word")
    led = fusion(language_model=model, weights=Weights(unknown_score=-3.0))

    text = whole(led, ids(LETTERS, *"ab b a bb"))

    assert text.language == pytest.approx(model.of(["ab", "b", "a", "bb"]))
    assert text.worth == pytest.approx(text.language - 2 * 3.0)


def test_whole_words_are_worth_what_their_letters_are(drawn: Callable[..., Any]) -> None:
    """A word may be written otherwise than the tokenizer writes it; hot words are its letters."""
    led = fusion(
        language_model=drawn(["AB", "a"], unit="word"),
        hot_words=HotWords({"a ab": 1.5}, LETTERS, None),
        weights=Weights(2.0, 0.5),
    )
    answers, prefix = led.answers(), led.begin()
    for word, text in (("a", "a"), ("AB", "ab"), ("a", "a")):
        prefix = led.go_on_by_word(prefix, word, text, answers)
    [[ended]] = led.end([prefix], answers)

    language = drawn(["AB", "a"], unit="word").of(["a", "AB", "a"])
    assert prefix.key == "a AB a "
    assert ended.prefix.language == pytest.approx(language)
    assert ended.prefix.worth == pytest.approx(2.0 * language + 3 * 0.5 + 1.5)


def test_where_a_text_may_end() -> None:
    led = fusion(lexicon=Lexicon({"ab": ((2, 3),)}, LETTERS))

    assert [led.may_end(after(led, ids(LETTERS, *text))) for text in ("", "a", "ab", "ab ")] == [
        True,
        False,
        True,
        True,
    ]
    assert led.may_end(after(fusion(), ids(LETTERS, *"a")))


def test_characters_are_scored_as_they_come(
    drawn: Callable[..., Any], pieces: Callable[..., Tokenizer]
) -> None:
    tokenizer, model = pieces(" ", "a", "ab"), drawn("ab", unit="character")
    led = fusion(tokenizer, language_model=model, weights=Weights(word_score=0.5))

    prefix = after(led, ids(tokenizer, "ab", " ", "a"))

    assert prefix.language == pytest.approx(
        model.ln["<s>", "a"] + model.ln["a", "b"] + model.ln["b", "a"]
    )
    assert prefix.units == 3
    assert whole(led, ids(tokenizer, "ab", " ", "a")).language == pytest.approx(model.of("aba"))


def test_tokens_are_scored_as_they_are_written(
    drawn: Callable[..., Any], pieces: Callable[..., Tokenizer]
) -> None:
    tokenizer, model = pieces(" a", "b", " "), drawn(["▁a", "b", "▁"], unit="token")
    led = fusion(tokenizer, language_model=model)

    text = whole(led, ids(tokenizer, " a", "b", " ", " "))

    assert text.language == pytest.approx(model.of(["▁a", "b", "▁", "▁"]))
    assert text.units == 4


@pytest.mark.parametrize(
    ("tokenizer", "spelled", "units"), [(LETTERS, "a b", 2), (Char("今天"), "今天今", 3)]
)
def test_words_are_counted_without_a_language_model(
    tokenizer: Tokenizer, spelled: str, units: int
) -> None:
    assert whole(fusion(tokenizer), ids(tokenizer, *spelled)).units == units


def test_what_counts_as_a_unit(drawn: Callable[..., Any]) -> None:
    hanzi = Char("今天")
    lexicon = Lexicon({"今": [(1,)]}, hanzi)

    assert unit_of(LETTERS, None, None) == "word"
    assert unit_of(hanzi, None, None) == "character"
    assert unit_of(hanzi, None, lexicon) == "word"
    assert unit_of(hanzi, drawn("今", unit="token"), lexicon) == "token"


def test_hot_words_at_the_end_count_too() -> None:
    led = fusion(hot_words=HotWords({"ab": 3.0}, LETTERS, None))

    assert after(led, ids(LETTERS, *"ab ab")).worth == 3.0
    assert whole(led, ids(LETTERS, *"ab ab")).worth == 6.0


def test_the_lexicon_leads(drawn: Callable[..., Any]) -> None:
    lexicon = Lexicon({"AB": [tuple(ids(LETTERS, *"ab"))]}, LETTERS)
    model = drawn(["AB"], unit="word")
    led = fusion(lexicon=lexicon, language_model=model)
    answers = led.answers()

    [following] = led.go_on([led.begin()], ids(LETTERS, *"ab"), answers)

    assert following[3] == ()
    assert len(following[2]) == 1
    assert whole(led, ids(LETTERS, *"ab ab")).language == pytest.approx(model.of(["AB", "AB"]))


def test_unfinished_words_are_dropped_where_no_text_is_whole(drawn: Callable[..., Any]) -> None:
    lexicon = Lexicon({"ab": [tuple(ids(LETTERS, *"ab"))]}, LETTERS)
    led = fusion(lexicon=lexicon, language_model=drawn(["ab"], unit="word"))
    broken, complete = (after(led, ids(LETTERS, *said)) for said in ("ab a", "ab ab"))

    [[alone]] = led.end([broken], led.answers())
    first, second = led.end([broken, complete], led.answers())

    assert (alone.prefix.key, alone.dropped, alone.prefix.units) == ("ab", 1, 1)
    assert first == []
    assert [(ended.prefix.key, ended.dropped) for ended in second] == [("ab ab ", 0)]


def test_the_language_model_is_asked_together_and_once(drawn: Callable[..., Any]) -> None:
    model = drawn("ab", unit="character")
    asked: list[list[tuple[Any, str]]] = []

    class Told(type(model)):
        def score(self, states: Sequence[Any], units: Sequence[str]) -> Any:
            asked.append(list(zip(states, units, strict=True)))
            return super().score(states, units)

    led = fusion(language_model=Told("ab", unit="character"))
    answers, begin = led.answers(), led.begin()

    [following] = led.go_on([begin], [2, 3], answers)
    led.go_on([following[2][0], following[3][0]], [2], answers)
    led.go_on([led.begin()], [2, 3], answers)

    assert asked == [[("<s>", "a"), ("<s>", "b")], [("a", "a"), ("b", "a")]]


def test_beginnings_of_long_texts_are_abbreviated() -> None:
    """What was the same, or the beginning of another, is so afterwards."""
    led = fusion()
    one, other = "ab " * KEPT_LETTERS, "ba " * KEPT_LETTERS
    short = [Prefix("a"), Prefix("ab")]
    texts = [Prefix(one + "a"), Prefix(one + "ab"), Prefix(one), Prefix(other + "a"), Prefix(other)]

    led.forget(short)
    led.forget(texts)

    assert [prefix.key for prefix in short] == ["a", "ab"]
    written = [prefix.written for prefix in texts]
    assert max(map(len, written)) <= 3
    assert [[text.startswith(begin) for text in written] for begin in written] == [
        [True, True, False, False, False],
        [False, True, False, False, False],
        [True, True, True, False, False],
        [False, False, False, True, False],
        [False, False, False, True, True],
    ]
