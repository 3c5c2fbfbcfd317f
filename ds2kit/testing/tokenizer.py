"""The contracts of every tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2kit.components import BLANK, Tokenizer
from ds2kit.errors import UserError
from ds2kit.testing.options import check_options
from ds2kit.testing.seeding import DRAWN

STRANGE_LETTERS = "жß漢ǂɘΩ"
"""Letters that hardly any one tokenizer holds all of."""


class TokenizerContract:
    """Subclass it and give the fixtures `tokenizer` and `texts`, the transcripts it learned from.

    Where yours needs other options than its defaults to learn from so few texts, give the fixture
    `learn` as well: `return functools.partial(Mine.learn, size=20)`.
    """

    @pytest.fixture
    def tokenizer(self) -> Tokenizer:
        raise NotImplementedError(
            "give the contract your tokenizer: define the fixture `tokenizer`"
        )

    @pytest.fixture
    def texts(self) -> Sequence[str]:
        raise NotImplementedError("give the contract transcripts: define the fixture `texts`")

    @pytest.fixture
    def learn(self, tokenizer: Tokenizer) -> Callable[[Iterable[str]], Tokenizer]:
        return type(tokenizer).learn

    def test_blank_is_the_first_token(self, tokenizer: Tokenizer) -> None:
        """`tokens[0]` is the CTC blank, whose text is empty; `size` counts it."""
        assert isinstance(tokenizer.tokens, tuple), "tokens is not a tuple of texts"
        assert tokenizer.tokens[BLANK] == "", (
            f"tokens[0] is {tokenizer.tokens[BLANK]!r}; it is the blank, whose text is empty"
        )
        assert tokenizer.size == len(tokenizer.tokens), (
            f"size is {tokenizer.size} where there are {len(tokenizer.tokens)} tokens"
        )
        assert tokenizer.size > 1, "there is no token but the blank"

    def test_takes_its_options_by_keyword(self, tokenizer: Tokenizer) -> None:
        """`learn` takes the texts, and keyword-only annotated options."""
        check_options(type(tokenizer).learn, ("texts",))

    def test_transcripts_come_back(self, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
        """Contract 5: `decode(encode(text))` is `normalise(text)` for all that it learned from."""
        assert texts, "the fixture `texts` is empty"
        for text in ["", *texts]:
            foreign = tokenizer.foreign(text)
            assert not foreign, f"{foreign} of {text!r} is foreign, though learned from"
            _check_round_trip(tokenizer, text)

    @DRAWN
    @given(data=st.data())
    def test_any_text_comes_back(
        self, tokenizer: Tokenizer, texts: Sequence[str], data: st.DataObject
    ) -> None:
        """Contract 5 for any text of known symbols: double spaces, repeats, none at all.

        Where the drawn text has a symbol that is foreign, encode names it instead.
        """
        alphabet = sorted(set("".join(texts)) | {" "})
        text = data.draw(st.text(alphabet, max_size=40))
        if foreign := tokenizer.foreign(text):
            _check_refused(tokenizer, text, foreign)
        else:
            _check_round_trip(tokenizer, text)

    @DRAWN
    @given(text=st.text(max_size=20))
    def test_normalising_twice_changes_nothing(self, tokenizer: Tokenizer, text: str) -> None:
        """`normalise` is idempotent, for any text of Unicode: else references drift."""
        once = tokenizer.normalise(text)
        twice = tokenizer.normalise(once)
        assert twice == once, f"normalise made {once!r} of {text!r}, and then {twice!r} of that"

    @DRAWN
    @given(data=st.data())
    def test_any_ids_have_a_text(self, tokenizer: Tokenizer, data: st.DataObject) -> None:
        """`decode` takes whatever a decoder may hear, also what no text encodes to."""
        ids = data.draw(st.lists(st.integers(1, tokenizer.size - 1), max_size=20))
        text = tokenizer.decode(ids)
        assert isinstance(text, str), f"decode({ids}) gave a {type(text).__name__}"

    def test_foreign_letters_are_named(self, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
        """A letter that no token holds is named by `foreign` and `encode`, never dropped.

        A target that silently lost a letter teaches the model to be silent.
        """
        known = next((text for text in texts if tokenizer.normalise(text)), "")
        for letter in STRANGE_LETTERS:
            text = known + letter
            normalised = tokenizer.normalise(text)
            assert normalised != tokenizer.normalise(known), (
                f"normalise dropped {letter!r}: keep what you do not know, so that it is named"
            )
            foreign = tokenizer.foreign(text)
            if foreign:
                assert tokenizer.foreign(text + letter) == foreign, "foreign names a symbol twice"
                _check_refused(tokenizer, text, foreign)
            else:
                _check_round_trip(tokenizer, text)

    def test_saving_and_loading(self, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
        """Contract 5: one built from the saved form, through a JSON file, behaves the same."""
        saved = json.dumps(dict(tokenizer.to_json()), allow_nan=False)
        restored = type(tokenizer).from_json(json.loads(saved))
        assert restored.tokens == tokenizer.tokens, "tokens changed by saving and loading"
        for text in ["", *texts, texts[0].upper(), f" {texts[0]}  {texts[-1]} "]:
            assert restored.normalise(text) == tokenizer.normalise(text), (
                f"normalise({text!r}) changed by saving and loading: to_json forgot an option"
            )
            assert restored.foreign(text) == tokenizer.foreign(text), (
                f"foreign({text!r}) changed by saving and loading"
            )
            if not tokenizer.foreign(text):
                assert restored.encode(text) == tokenizer.encode(text), (
                    f"encode({text!r}) changed by saving and loading"
                )
        assert json.dumps(dict(restored.to_json())) == saved, "the second saving gave another JSON"

    def test_learning_twice_gives_the_same(
        self, learn: Callable[[Iterable[str]], Tokenizer], texts: Sequence[str]
    ) -> None:
        """Contract 6: the same texts, taken once from an iterator, teach the same."""
        first, second = learn(iter(texts)), learn(iter(texts))
        assert first.tokens == second.tokens, (
            "learn gave other tokens for the same texts: break ties by the symbols themselves"
        )
        assert dict(first.to_json()) == dict(second.to_json()), "learn gave another saved form"


def _check_round_trip(tokenizer: Tokenizer, text: str) -> None:
    normalised = tokenizer.normalise(text)
    ids = tokenizer.encode(text)
    for number in ids:
        assert type(number) is int, f"encode({text!r}) gave a {type(number).__name__} as an id"
        assert 0 < number < tokenizer.size, (
            f"encode({text!r}) gave id {number}; ids go from 1 to {tokenizer.size - 1}, and "
            "0 is the blank"
        )
    decoded = tokenizer.decode(ids)
    assert decoded == normalised, (
        f"encode and decode made {decoded!r} of {normalised!r}, the normalised {text!r}: "
        "a tokenizer loses or adds nothing"
    )


def _check_refused(tokenizer: Tokenizer, text: str, foreign: Sequence[str]) -> None:
    """encode raises UserError that names the first foreign symbol."""
    refusal: UserError | None = None
    try:
        tokenizer.encode(text)
    except UserError as error:
        refusal = error
    assert refusal is not None, (
        f"encode took {text!r} though {foreign[0]!r} is foreign: raise UserError that names it; "
        "never drop a symbol"
    )
    assert foreign[0] in str(refusal), (
        f"encode refused {text!r} without naming {foreign[0]!r}: {refusal}"
    )
