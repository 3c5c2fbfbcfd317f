"""The contracts of every decoder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ds2kit.components import BLANK, Decoder, StreamingDecoder, Tokenizer
from ds2kit.testing.batches import Filling, join, utterances
from ds2kit.testing.comparing import FLOAT32_TOLERANCE
from ds2kit.testing.options import check_options
from ds2kit.testing.seeding import DRAWN
from ds2kit.types import Hypothesis, Word

LENGTHS = (17, 0, 1, 40, 2, 23)
PADDINGS: tuple[tuple[int, Filling], ...] = ((3, "noise"), (0, "zeros"), (7, "NaN"))


class _Fixtures:
    """What the contracts of decoders are given."""

    @pytest.fixture
    def tokenizer(self) -> Tokenizer:
        raise NotImplementedError("give the contract a tokenizer: define the fixture `tokenizer`")

    @pytest.fixture
    def sayable(self, tokenizer: Tokenizer) -> str:
        """A text that the decoder can hear."""
        ids = [i for i in range(1, tokenizer.size) if tokenizer.tokens[i].strip()]
        return tokenizer.decode(ids[:4])


class DecoderContract(_Fixtures):
    """Subclass it and give the fixtures `decoder` and `tokenizer`, the one it was made with.

    Where yours can hear only some texts (words of a lexicon), give `sayable` as well.
    """

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer) -> Decoder:
        raise NotImplementedError("give the contract your decoder: define the fixture `decoder`")

    def test_takes_its_options_by_keyword(self, decoder: Decoder) -> None:
        """The constructor takes the tokenizer, and keyword-only annotated options."""
        check_options(type(decoder), ("tokenizer",))

    def test_neighbours_and_padding(self, decoder: Decoder, tokenizer: Tokenizer) -> None:
        """Contract 1: alone, or among others in any order, the same texts and scores."""
        items = _log_probs(tokenizer)
        alone = [decoder.decode(join([item]))[0] for item in items]
        for extra, filling in PADDINGS:
            batch = join(items[::-1], extra=extra, filling=filling)
            for item, found, expected in zip(
                items, decoder.decode(batch)[::-1], alone, strict=True
            ):
                case = f"an utterance of {len(item)} frames among others, {filling} as padding"
                _check_same(found, expected, case)

    def test_each_utterance_has_its_list(self, decoder: Decoder, tokenizer: Tokenizer) -> None:
        """One list an utterance, in order, never empty; best first by the score it ranked by."""
        items = _log_probs(tokenizer)
        heard = decoder.decode(join(items))
        assert len(heard) == len(items), f"{len(items)} utterances gave {len(heard)} lists"
        for item, hypotheses in zip(items, heard, strict=True):
            assert hypotheses, f"an utterance of {len(item)} frames has no hypothesis, not even ''"
            scores = [hypothesis.score for hypothesis in hypotheses]
            assert all(math.isfinite(score) for score in scores), f"scores are {scores}: not finite"
            assert scores == sorted(scores, reverse=True), (
                f"scores {scores} do not fall: sort the list by the score that it returns"
            )
            texts = [hypothesis.text for hypothesis in hypotheses]
            assert len(set(texts)) == len(texts), f"a text comes twice in {texts}"

    def test_tokens_are_the_text(self, decoder: Decoder, tokenizer: Tokenizer) -> None:
        """`tokens` hold no blank, and the tokenizer makes `text` of them."""
        for hypothesis in _hypotheses(decoder, tokenizer)[1]:
            assert BLANK not in hypothesis.tokens, f"tokens {hypothesis.tokens} hold the blank"
            text = tokenizer.decode(hypothesis.tokens)
            assert text == hypothesis.text, f"text is {hypothesis.text!r}, its tokens say {text!r}"

    def test_words_are_the_text(self, decoder: Decoder, tokenizer: Tokenizer) -> None:
        """Words, where they are given, joined are the text; with times and confidence in range."""
        lengths, hypotheses = _hypotheses(decoder, tokenizer)
        for length, hypothesis in zip(lengths, hypotheses, strict=True):
            if not hypothesis.words:
                continue
            words = [word.text for word in hypothesis.words]
            joined, text = "".join(words), hypothesis.text.replace(" ", "")
            assert joined == text, f"words {words} joined are not the text {hypothesis.text!r}"
            before = 0
            for word in hypothesis.words:
                assert before <= word.start_frame < word.end_frame <= length, (
                    f"word {word.text!r} has frames [{word.start_frame}, {word.end_frame}) after "
                    f"{before} in an utterance of {length}: words follow one another within it"
                )
                assert 0 <= word.confidence <= 1, (
                    f"word {word.text!r} has confidence {word.confidence}; it is within [0, 1]"
                )
                before = word.end_frame

    def test_blanks_are_silence(self, decoder: Decoder, tokenizer: Tokenizer) -> None:
        """Where every frame is certainly blank, and where there is no frame, the text is empty."""
        for frames in (30, 1, 0):
            blanks = _certain([BLANK] * frames, tokenizer.size)
            best = decoder.decode(join([blanks]))[0][0]
            assert best.text == "", f"{frames} frames of blank gave {best.text!r}"
            assert best.tokens == (), f"{frames} frames of blank gave tokens {best.tokens}"

    def test_what_is_certain_is_heard(
        self, decoder: Decoder, tokenizer: Tokenizer, sayable: str
    ) -> None:
        """Labels with probability 1, others with log-probability -inf, give their text."""
        certain = _certain(_spoken(tokenizer, sayable), tokenizer.size)
        best = decoder.decode(join([certain]))[0][0]
        assert best.text == sayable, f"heard {best.text!r} where {sayable!r} is certain"
        assert math.isfinite(best.score), f"the score of a certain text is {best.score}"

    def test_deterministic(self, decoder: Decoder, tokenizer: Tokenizer) -> None:
        """Contract 6: twice the same, and nothing kept between batches; its input left alone."""
        batch = join(_log_probs(tokenizer), extra=2, filling="noise")
        values = batch.values.clone()
        first = decoder.decode(batch)
        decoder.decode(join(_log_probs(tokenizer, seed=9)))
        assert torch.equal(batch.values, values), "decode wrote into its input"
        assert decoder.decode(batch) == first, "decoding the same batch again gave something else"


class StreamingDecoderContract(_Fixtures):
    """Subclass it beside DecoderContract; `decoder` is one that hears what comes."""

    @pytest.fixture
    def decoder(self, tokenizer: Tokenizer) -> StreamingDecoder:
        raise NotImplementedError("give the contract your decoder: define the fixture `decoder`")

    @DRAWN
    @given(chunks=st.lists(st.integers(0, 7), min_size=1, max_size=8), seed=st.integers(0, 99))
    def test_streaming_gives_what_decode_gives(
        self, decoder: StreamingDecoder, tokenizer: Tokenizer, chunks: list[int], seed: int
    ) -> None:
        """Contract 4: for any chunking `finish` gives the best of `decode`, words and score too."""
        for item in _log_probs(tokenizer, seed=seed):
            _, whole = _streamed(decoder, item, chunks)
            case = f"{len(item)} frames in pieces of {chunks}"
            _check_same([whole], decoder.decode(join([item]))[0][:1], case)

    @DRAWN
    @given(chunks=st.lists(st.integers(0, 7), min_size=1, max_size=8), seed=st.integers(0, 99))
    def test_streaming_words_are_final(
        self, decoder: StreamingDecoder, tokenizer: Tokenizer, chunks: list[int], seed: int
    ) -> None:
        """Contract 4: words that were given are the first of the whole: in order, none changed."""
        for item in _log_probs(tokenizer, seed=seed):
            given, whole = _streamed(decoder, item, chunks)
            assert given == whole.words[: len(given)], (
                f"advance gave {given} of {len(item)} frames in pieces of {chunks}, and finish "
                f"{whole.words}: a word is given once, when nothing can change it any more"
            )

    def test_streaming_words_come_while_one_speaks(
        self, decoder: StreamingDecoder, tokenizer: Tokenizer, sayable: str
    ) -> None:
        """Contract 4: what was certain long ago is given before the end."""
        twice = f"{sayable} {sayable}"
        text = sayable if tokenizer.foreign(twice) else twice
        certain = _certain([*_spoken(tokenizer, text), *[BLANK] * 50], tokenizer.size)
        words, whole = _streamed(decoder, certain, [1])
        assert words or len(whole.words) < 2, (
            f"no word of {text!r}, which is certain, came before finish, and 50 blanks had passed"
        )

    def test_streaming_partial_text_begins_with_what_was_given(
        self, decoder: StreamingDecoder, tokenizer: Tokenizer
    ) -> None:
        """Contract 4: at any time `partial` begins with the words that were given; its words and
        tokens are its text; and asking changes nothing. Skipped where a decoder has none.
        """
        _need_partial(decoder)
        for item in _log_probs(tokenizer):
            stream = decoder.begin()
            given: tuple[Word, ...] = ()
            for piece in _pieces(item, [3, 0, 1]):
                given += decoder.advance(stream, piece)
                partial = decoder.partial(stream)
                assert partial.words[: len(given)] == given, (
                    f"the words {given} were given, and the partial ones are {partial.words}: what "
                    "is final comes first"
                )
                text = tokenizer.decode(partial.tokens)
                assert text == partial.text, (
                    f"the partial text is {partial.text!r}, its tokens say {text!r}"
                )
                joined = "".join(word.text for word in partial.words)
                assert joined == text.replace(" ", ""), (
                    f"the partial words joined are {joined!r}, the text is {text!r}"
                )
            case = f"{len(item)} frames with partial texts between"
            _check_same([decoder.finish(stream)], decoder.decode(join([item]))[0][:1], case)

    def test_streaming_partial_text_has_what_was_said(
        self, decoder: StreamingDecoder, tokenizer: Tokenizer, sayable: str
    ) -> None:
        """Contract 4: what was certain is in the partial text at once."""
        _need_partial(decoder)
        stream = decoder.begin()
        assert decoder.partial(stream).text == "", "there is a partial text before anything is"
        decoder.advance(stream, _certain(_spoken(tokenizer, sayable), tokenizer.size))
        found = decoder.partial(stream).text
        assert found == sayable, f"the partial text is {found!r} where {sayable!r} is certain"

    def test_streaming_streams_are_apart(
        self, decoder: StreamingDecoder, tokenizer: Tokenizer
    ) -> None:
        """Contract 4: what a stream has heard is in its own object; the input is left alone."""
        items = [item for item in _log_probs(tokenizer) if len(item) > 1]
        copies = [item.clone() for item in items]
        streams = [decoder.begin() for _ in items]
        for half in (0, 1):
            for stream, item in zip(streams, items, strict=True):
                decoder.advance(stream, item.tensor_split(2)[half])
        for stream, item, copied in zip(streams, items, copies, strict=True):
            assert torch.equal(item, copied), "advance wrote into its input"
            case = f"{len(item)} frames among other streams"
            _check_same([decoder.finish(stream)], decoder.decode(join([item]))[0][:1], case)


def _need_partial(decoder: StreamingDecoder) -> None:
    if type(decoder).partial is StreamingDecoder.partial:
        pytest.skip(f"{type(decoder).__name__} gives no partial text")


def _streamed(
    decoder: StreamingDecoder, log_probs: Tensor, chunks: Sequence[int]
) -> tuple[tuple[Word, ...], Hypothesis]:
    """The words that came on the way, and the whole; the chunks' sizes over and over."""
    stream = decoder.begin()
    words: tuple[Word, ...] = ()
    for piece in _pieces(log_probs, chunks):
        words += decoder.advance(stream, piece)
    return words, decoder.finish(stream)


def _pieces(log_probs: Tensor, chunks: Sequence[int]) -> Iterator[Tensor]:
    """[frames, vocabulary] in pieces of so many frames, in turn; of one where all are of none."""
    sizes = chunks if any(chunks) else [1]
    number = 0
    while len(log_probs):
        size = sizes[number % len(sizes)]
        yield log_probs[:size]
        log_probs, number = log_probs[size:], number + 1


def _log_probs(tokenizer: Tokenizer, *, seed: int = 0) -> list[Tensor]:
    """Random log-probabilities, peaked as a model's are: each [frames, vocabulary] float32."""
    logits = utterances(LENGTHS, tokenizer.size, seed=seed)
    return [(4 * item).log_softmax(dim=-1).float() for item in logits]


def _spoken(tokenizer: Tokenizer, text: str) -> list[int]:
    """A label for each frame: two of each token, and a blank."""
    return [label for token in tokenizer.encode(text) for label in (token, token, BLANK)]


def _certain(labels: Sequence[int], size: int) -> Tensor:
    log_probs = torch.full((len(labels), size), -math.inf)
    log_probs[torch.arange(len(labels)), torch.tensor(labels, dtype=torch.int64)] = 0.0
    return log_probs


def _hypotheses(decoder: Decoder, tokenizer: Tokenizer) -> tuple[list[int], list[Hypothesis]]:
    """Every hypothesis of random utterances, and the frames of its utterance."""
    items = _log_probs(tokenizer)
    heard = zip(items, decoder.decode(join(items)), strict=True)
    pairs = [(len(item), hypothesis) for item, listed in heard for hypothesis in listed]
    return [length for length, _ in pairs], [hypothesis for _, hypothesis in pairs]


def _check_same(found: list[Hypothesis], expected: list[Hypothesis], case: str) -> None:
    assert found[0].text == expected[0].text, (
        f"{case}: heard {found[0].text!r}, alone {expected[0].text!r}; decode the first `lengths` "
        "frames only"
    )
    assert len(found) == len(expected), f"{case}: another number of hypotheses than alone"
    for one, other in zip(found, expected, strict=True):
        apart = abs(one.score - other.score)
        assert apart <= FLOAT32_TOLERANCE * max(1.0, abs(other.score)), (
            f"{case}: the score of {other.text!r} changed by {apart:.3g}; padding is scored"
        )
        assert one.words == other.words or _near(one, other), f"{case}: words changed"


def _near(one: Hypothesis, other: Hypothesis) -> bool:
    """The same words at the same frames, and about as sure."""
    if len(one.words) != len(other.words):
        return False
    return all(
        (a.text, a.start_frame, a.end_frame) == (b.text, b.start_frame, b.end_frame)
        and abs(a.confidence - b.confidence) <= FLOAT32_TOLERANCE
        for a, b in zip(one.words, other.words, strict=True)
    )
