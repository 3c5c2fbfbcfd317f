"""What is credited in advance: a part of a hot word, the best word that may come, no known word."""

from __future__ import annotations

from typing import Any

import pytest
from ds2kit_flashlight.lookahead import BestWord, Promises, Unknown

from ds2kit.decoding.fusion import Prefix
from ds2kit.decoding.lexicon import Lexicon
from ds2kit.text.char import Char

LETTERS = Char(list(" abc"))


@pytest.mark.parametrize(
    ("tail", "credit"),
    [
        ("", 0.0),
        ("a", 1.0),
        ("ab", 2.0),  # it is over, and has its bonus, where a space follows
        ("ab ", 0.0),
        ("abc", 0.0),
        ("ca", 0.0),  # no word begins there
        ("c a", 1.0),
        ("b ", 4.0),  # of "b ac", whose bonus is more
        ("b a", 6.0),
    ],
)
def test_promises(tail: str, credit: float) -> None:
    assert Promises({"ab": 2.0, "b ac": 8.0}, LETTERS)(Prefix(tail=tail)) == credit


def test_promises_without_spaces() -> None:
    """Wherever the characters stand; the whole of a phrase has had its bonus."""
    promises = Promises({"今天": 2.0}, Char(list("今天气")))

    credits = [promises(Prefix(tail=tail)) for tail in ("今", "气今", "今天", "天")]
    assert credits == [1.0, 1.0, 0.0, 0.0]


def test_what_becomes_no_known_word() -> None:
    unknown = Unknown(["cab", "ab"], -3.0)

    for word in ("", "c", "ca", "cab"):
        assert unknown(Prefix(word=word)) == 0.0
    for word in ("cb", "caba", "b"):
        assert unknown(Prefix(word=word)) == -3.0


def test_the_best_word_below(literal: Any) -> None:
    words = {"ab": ((2, 3),), "ac": ((2, 4),), "b": ((3,),)}
    tree, toy = Lexicon(words, LETTERS), literal.Toy("word", tuple(words))
    log_probs = {word: 0.5 * toy.log_probs["<s>", word] for word in words}

    best = BestWord(tree, words, toy, 0.5)

    begin = tree.root.following
    for place, expected in (
        (begin[2], max(log_probs["ab"], log_probs["ac"])),
        (begin[2].following[4], log_probs["ac"]),
        (begin[3], log_probs["b"]),
        (tree.root, 0.0),
    ):
        assert best(Prefix(places=frozenset((place,)))) == expected
    assert best(Prefix(places=frozenset())) == 0.0
