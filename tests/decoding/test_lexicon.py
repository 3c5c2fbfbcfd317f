"""Files of words, and where a text may go from a place in the tree of their spellings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ds2kit.components import Tokenizer
from ds2kit.decoding.lexicon import Lexicon, Node, read_lexicon
from ds2kit.errors import UserError
from ds2kit.text.char import Char

LETTERS = Char(" abc", lowercase=True)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "words.txt"
        path.write_bytes(text.encode())
        return path

    return write


def test_reads_words_with_their_spellings(
    write: Callable[[str], Path], pieces: Callable[..., Tokenizer]
) -> None:
    tokenizer = pieces(" ", "a", "b", "ab", " a")
    path = write("ab\ta b\r\n\na\ta ▁\nab\tab\nab\t▁a b\nab\tab\n")

    found = read_lexicon(path, tokenizer)

    assert found == {"ab": ((2, 3), (4,), (5, 3)), "a": ((2,),)}
    assert list(found) == ["ab", "a"]


def test_a_word_may_be_in_other_letters_than_the_tokenizers(write: Callable[[str], Path]) -> None:
    assert read_lexicon(write("AB\ta b\n"), LETTERS) == {"AB": ((2, 3),)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no word"),
        ("\n  \n", "holds no word"),
        ("a\ta\nab\ta x\n", "line 2: 'x', of 'ab', is no token of the tokenizer"),
        ("ab a b\n", "line 1: 'ab a b'; expected word<TAB>token token ..."),
        ("a b\ta b\n", "line 1: 'a b\\ta b'; expected word<TAB>token"),
        ("\ta\n", "line 1"),
        ("ab\ta c\n", "line 1: 'ab' is spelled 'a c', which reads 'ac'; expected tokens that read"),
        ("ab\t\n", "line 1: 'ab' is spelled '', which reads ''"),
        ("ab\t▁\n", "line 1: 'ab' is spelled '▁', which reads ''"),
    ],
)
def test_what_is_wrong_is_named(write: Callable[[str], Path], text: str, message: str) -> None:
    path = write(text)

    with pytest.raises(UserError) as told:
        read_lexicon(path, LETTERS)

    assert str(told.value).startswith(f"lexicon {path}")
    assert message in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_lexicon(tmp_path / "none.txt", LETTERS)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is no UTF-8 text"):
        read_lexicon(tmp_path / "binary", LETTERS)


def ways(lexicon: Lexicon, tokens: Sequence[int]) -> list[tuple[list[str], Node]]:
    """The words that ended on each way through the lexicon, and where it leads."""
    found: list[tuple[list[str], Node]] = [([], lexicon.root)]
    for token in tokens:
        found = [
            ([*words, *([] if word is None else [word])], place)
            for words, node in found
            for word, place in lexicon.follow(node, token)
        ]
    return found


def heard(lexicon: Lexicon, tokens: Sequence[int]) -> list[list[str]]:
    """The words of a text that ends after such tokens."""
    return [
        [*words, *([] if word is None else [word])]
        for words, place in ways(lexicon, tokens)
        for word in lexicon.ended(place)
    ]


def ids(text: str, tokenizer: Tokenizer = LETTERS) -> list[int]:
    return [tokenizer.tokens.index(letter) for letter in text]


def test_words_need_a_space_between_them() -> None:
    lexicon = Lexicon({"a": [ids("a")], "ab": [ids("ab")], "c": [ids("c")]}, LETTERS)

    assert heard(lexicon, ids("ab c")) == [["ab", "c"]]
    assert heard(lexicon, ids(" a  c ")) == [["a", "c"]]
    assert heard(lexicon, ids("abc")) == []
    assert heard(lexicon, ids("b")) == []
    assert heard(lexicon, []) == [[]]


def test_a_word_must_be_whole_where_the_text_ends() -> None:
    lexicon = Lexicon({"abc": [ids("abc")]}, LETTERS)

    [(words, place)] = ways(lexicon, ids("abc ab"))

    assert (words, place.depth, list(lexicon.ended(place))) == (["abc"], 2, [])
    assert heard(lexicon, ids("abc a ")) == []


def test_a_space_may_be_inside_a_token(pieces: Callable[..., Tokenizer]) -> None:
    tokenizer = pieces(" a", "b", " ", "c")
    lexicon = Lexicon({"a": [(1,)], "ab": [(1, 2)], "c": [(4,)]}, tokenizer)

    assert heard(lexicon, [1, 2, 1]) == [["ab", "a"]]
    assert heard(lexicon, [1, 3, 4]) == [["a", "c"]]
    assert heard(lexicon, [1, 4]) == []


def test_words_spelled_alike_are_several_ways() -> None:
    lexicon = Lexicon({"a": [ids("a")], "A": [ids("a")]}, LETTERS)

    assert heard(lexicon, ids("a a")) == [["a", "a"], ["a", "A"], ["A", "a"], ["A", "A"]]


def test_without_spaces_words_follow_one_another() -> None:
    hanzi = Char("今天气")
    listed = {word: [tuple(ids(word, hanzi))] for word in ("今", "今天", "天气", "气")}
    lexicon = Lexicon(listed, hanzi)

    assert sorted(heard(lexicon, ids("今天气", hanzi))) == [["今", "天气"], ["今天", "气"]]
    assert heard(lexicon, ids("天", hanzi)) == []


def test_in_mixed_writing_spaces_part_latin_words_only() -> None:
    mixed = Char(" ab今天")
    listed = {word: [tuple(ids(word, mixed))] for word in ("a", "b", "今", "天")}
    lexicon = Lexicon(listed, mixed)

    assert heard(lexicon, ids("今a天 b", mixed)) == [["今", "a", "天", "b"]]
    assert heard(lexicon, ids("ab", mixed)) == []
