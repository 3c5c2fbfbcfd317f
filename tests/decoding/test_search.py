"""The search against the sum over every alignment of every text, literally."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2kit.components import LanguageModel, Tokenizer
from ds2kit.decoding.beam import Beam
from ds2kit.decoding.paths import Said
from ds2kit.text.char import Char
from ds2kit.types import Hypothesis, Padded

LETTERS = Char([" ", "a", "b"])
COMPLETE: dict[str, Any] = {
    "beam": 10**6,
    "beam_threshold": math.inf,
    "top_p": 1.0,
    "top_k": 10**6,
    "n_best": 10**6,
}

Labellings = dict[tuple[int, ...], float]
ORACLE = settings(max_examples=15)


def drawn_frames(vocabulary: int) -> st.SearchStrategy[np.ndarray]:
    """[frames, vocabulary] natural log-probabilities of up to 5 frames, some of them nothing."""
    logit = st.floats(-5, 5) | st.just(-math.inf)
    frame = st.tuples(st.floats(-5, 5), *[logit] * (vocabulary - 1))
    return st.lists(frame, min_size=2, max_size=4).map(lambda rows: normalised(rows, vocabulary))


def normalised(rows: Sequence[Sequence[float]], vocabulary: int) -> np.ndarray:
    logits = np.array(rows, dtype=np.float64).reshape(len(rows), vocabulary)
    with np.errstate(divide="ignore"):
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def decoded(decoder: Beam, log_probs: np.ndarray) -> list[Hypothesis]:
    lengths = torch.tensor([len(log_probs)])
    return decoder.decode(Padded(torch.from_numpy(log_probs)[None], lengths))[0]


def summed(pairs: Iterator[tuple[Any, float]]) -> dict[Any, float]:
    """The sum of probabilities of each, in natural logarithms."""
    found: dict[Any, float] = {}
    for key, value in pairs:
        found[key] = float(np.logaddexp(found.get(key, -math.inf), value))
    return found


def test_texts_that_are_too_much_worse_are_let_go() -> None:
    """ln 0.85/0.1 = 2.14, and ln 0.85/0.05 = 2.83."""
    log_probs = np.log([[0.05, 1e-9, 0.85, 0.1]])
    found = {
        threshold: [one.text for one in decoded(Beam(LETTERS, **narrow(threshold)), log_probs)]
        for threshold in (2.1, 2.2, 2.9)
    }

    assert found == {2.1: ["a"], 2.2: ["a", "b"], 2.9: ["a", "b", ""]}


def narrow(threshold: float) -> dict[str, Any]:
    return COMPLETE | {"beam_threshold": threshold}


def check(decoder: Beam, log_probs: np.ndarray, expected: dict[str, float]) -> None:
    """All texts, with their scores, the best first."""
    found = decoded(decoder, log_probs)
    assert {h.text: h.score for h in found} == pytest.approx(expected, abs=1e-9)
    assert found[0].score == pytest.approx(max(expected.values()), abs=1e-9)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)


@ORACLE
@given(log_probs=drawn_frames(4))
def test_sums_over_all_alignments_of_a_text(
    log_probs: np.ndarray, all_labellings: Callable[[np.ndarray], Labellings]
) -> None:
    texts = summed((LETTERS.decode(y), p) for y, p in all_labellings(log_probs).items())

    check(Beam(LETTERS, **COMPLETE), log_probs, texts)
    scored = {t: p + 0.7 * len(t.split()) for t, p in texts.items()}
    check(Beam(LETTERS, word_score=0.7, **COMPLETE), log_probs, scored)


@ORACLE
@given(log_probs=drawn_frames(4), seed=st.integers(0, 99), weight=st.floats(0, 2))
@pytest.mark.parametrize("unit", ["word", "character"])
def test_adds_the_language_model(
    unit: Any,
    log_probs: np.ndarray,
    seed: int,
    weight: float,
    all_labellings: Callable[[np.ndarray], Labellings],
    drawn: Callable[..., Any],
) -> None:
    model = drawn(["a", "b", "ab", "ba"], unit=unit, seed=seed)
    texts = summed((LETTERS.decode(y), p) for y, p in all_labellings(log_probs).items())
    split = {t: t.split() if unit == "word" else t.replace(" ", "") for t in texts}
    q = {t: p + weight * model.of(split[t]) + 0.5 * len(split[t]) for t, p in texts.items()}
    decoder = Beam(LETTERS, language_model=model, lm_weight=weight, word_score=0.5, **COMPLETE)

    check(decoder, log_probs, q)
    for hypothesis in decoded(decoder, log_probs):
        assert hypothesis.acoustic_score == pytest.approx(texts[hypothesis.text], abs=1e-9)
        told = model.of(split[hypothesis.text])
        assert hypothesis.language_score == pytest.approx(told, abs=1e-9)


@ORACLE
@given(log_probs=drawn_frames(4), seed=st.integers(0, 99))
def test_a_model_of_tokens_scores_each_token(
    log_probs: np.ndarray,
    seed: int,
    all_labellings: Callable[[np.ndarray], Labellings],
    drawn: Callable[..., Any],
) -> None:
    """Texts that are the same in other tokens are apart; the better one is given."""
    model = drawn(["▁", "a", "b"], unit="token", seed=seed)
    q: dict[str, float] = {}
    for y, p in all_labellings(log_probs).items():
        units = [LETTERS.tokens[token].replace(" ", "▁") for token in y]
        score = p + 0.8 * model.of(units) - 0.3 * len(units)
        q[LETTERS.decode(y)] = max(score, q.get(LETTERS.decode(y), -math.inf))

    decoder = Beam(LETTERS, language_model=model, lm_weight=0.8, word_score=-0.3, **COMPLETE)
    check(decoder, log_probs, q)


@ORACLE
@given(log_probs=drawn_frames(6), seed=st.integers(0, 99))
def test_tokens_of_several_letters(
    log_probs: np.ndarray,
    seed: int,
    all_labellings: Callable[[np.ndarray], Labellings],
    drawn: Callable[..., Any],
    pieces: Callable[..., Tokenizer],
) -> None:
    """However a text is cut into tokens, with spaces inside them, its words are the same."""
    log_probs = log_probs[:4]
    tokenizer = pieces(" ", "a", "b", "ab", " a")
    model = drawn(["a", "ab", "b"], unit="word", seed=seed)
    texts = summed((tokenizer.decode(y), p) for y, p in all_labellings(log_probs).items())
    q = {t: p + 1.1 * model.of(t.split()) for t, p in texts.items()}

    check(Beam(tokenizer, language_model=model, lm_weight=1.1, **COMPLETE), log_probs, q)


def segmented(
    y: tuple[int, ...], spellings: dict[str, list[tuple[int, ...]]], space: int | None
) -> Iterator[list[str]]:
    """All ways to read tokens as words of a lexicon, with spaces between them if there are any."""
    if not y:
        yield []
    for word, listed in spellings.items():
        for spelling in listed:
            rest = y[len(spelling) :]
            if y[: len(spelling)] == spelling and (not rest or space is None or rest[0] == space):
                trimmed = tuple(itertools.dropwhile(lambda token: token == space, rest))
                yield from ([word, *words] for words in segmented(trimmed, spellings, space))


LEXICON = "a\ta\nab\ta b\nba\tb a\n"


@ORACLE
@given(log_probs=drawn_frames(4), seed=st.integers(0, 99), unit=st.sampled_from(["word", None]))
def test_with_a_lexicon_only_its_words(
    log_probs: np.ndarray,
    seed: int,
    unit: Any,
    all_labellings: Callable[[np.ndarray], Labellings],
    drawn: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("lexicon") / "words.txt"
    path.write_text(LEXICON)
    model = drawn(["a", "ab"], unit=unit, seed=seed) if unit else None
    texts = summed((LETTERS.decode(y), p) for y, p in all_labellings(log_probs).items())
    allowed = {t: p for t, p in texts.items() if set(t.split()) <= {"a", "ab", "ba"}}
    told = {t: 0.9 * model.of(t.split()) if model else 0.0 for t in allowed}
    q = {t: p + told[t] + 0.2 * len(t.split()) for t, p in allowed.items()}

    weighed = {"language_model": model, "lm_weight": 0.9} if model else {}
    check(Beam(LETTERS, lexicon=path, word_score=0.2, **weighed, **COMPLETE), log_probs, q)


HANZI = Char("今天气")
CHINESE = "今\t今\n今天\t今 天\n天气\t天 气\n气\t气\n"


@ORACLE
@given(
    log_probs=drawn_frames(4),
    seed=st.integers(0, 99),
    unit=st.sampled_from(["word", "character", None]),
)
def test_without_spaces_the_lexicon_says_what_is_a_word(
    log_probs: np.ndarray,
    seed: int,
    unit: Any,
    all_labellings: Callable[[np.ndarray], Labellings],
    drawn: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A text that reads as words in several ways has the score of the best."""
    path = tmp_path_factory.mktemp("lexicon") / "words.txt"
    path.write_text(CHINESE, encoding="utf-8")
    known = ["今", "今天", "天气"] if unit == "word" else ["今", "天", "气"]
    model = drawn(known, unit=unit, seed=seed) if unit else None
    spellings = {word: [tuple(HANZI.encode(word))] for word, _ in map(str.split, _cut(CHINESE))}
    q: dict[str, float] = {}
    for y, p in all_labellings(log_probs).items():
        for words in segmented(y, spellings, None):
            units = list(HANZI.decode(y)) if unit == "character" else words
            score = p + (1.2 * model.of(units) if model else 0.0) + 0.4 * len(units)
            q[HANZI.decode(y)] = max(score, q.get(HANZI.decode(y), -math.inf))

    weighed = {"language_model": model, "lm_weight": 1.2} if model else {}
    check(Beam(HANZI, lexicon=path, word_score=0.4, **weighed, **COMPLETE), log_probs, q)


def _cut(lexicon: str) -> list[str]:
    return [line.replace(" ", "") for line in lexicon.splitlines()]


@ORACLE
@given(log_probs=drawn_frames(4), bonuses=st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_adds_the_bonus_of_each_hot_word(
    log_probs: np.ndarray,
    bonuses: list[float],
    all_labellings: Callable[[np.ndarray], Labellings],
) -> None:
    hot_words = dict(zip(["a", "ab", "b a"], bonuses, strict=True))
    texts = summed((LETTERS.decode(y), p) for y, p in all_labellings(log_probs).items())
    q = {
        text: p
        + sum(
            bonus * len(re.findall(rf"(?<![ab])(?={phrase}(?![ab]))", text))
            for phrase, bonus in hot_words.items()
        )
        for text, p in texts.items()
    }

    check(Beam(LETTERS, hot_words=hot_words, **COMPLETE), log_probs, q)


@ORACLE
@given(log_probs=drawn_frames(4), beam=st.integers(1, 6))
def test_a_narrow_beam_gives_no_more_than_a_text_has(
    log_probs: np.ndarray, beam: int, all_labellings: Callable[[np.ndarray], Labellings]
) -> None:
    """What the search leaves out is missing in the score; nothing is counted twice."""
    texts = summed((LETTERS.decode(y), p) for y, p in all_labellings(log_probs).items())

    for hypothesis in decoded(Beam(LETTERS, beam=beam, n_best=beam), log_probs):
        assert hypothesis.score <= texts[hypothesis.text] + 1e-9


def test_times_are_those_of_the_most_probable_alignment() -> None:
    log_probs = normalised(
        # -      space  a     b
        [
            [0.0, -9.0, 2.0, -9.0],
            [0.0, -9.0, 4.0, -9.0],
            [5.0, -9.0, 0.0, -9.0],
            [0.0, -9.0, 4.0, -9.0],
            [0.0, 5.0, 0.0, -9.0],
            [0.0, -9.0, -9.0, 3.0],
        ],
        4,
    )

    (best,) = decoded(Beam(LETTERS), log_probs)

    assert [(w.text, w.start_frame, w.end_frame) for w in best.words] == [("aa", 0, 4), ("b", 5, 6)]
    surest = min(math.exp(log_probs[1, 2]), math.exp(log_probs[3, 2]))
    assert best.words[0].confidence == pytest.approx(surest)
    assert best.tokens == (2, 2, 1, 3)


def test_a_word_that_breaks_off_is_dropped(tmp_path: Any) -> None:
    """The end of the sound in the middle of a word: no text of the beam is whole."""
    path = tmp_path / "words.txt"
    path.write_text("ab\ta b\nbab\tb a b\n")
    said = torch.full((7, 4), math.log(0.001), dtype=torch.float64)
    said[torch.arange(7), [2, 0, 3, 1, 3, 3, 2]] = math.log(0.997)
    decoder = Beam(LETTERS, lexicon=path, beam=2, top_p=0.5)

    (best,) = decoded(decoder, said.numpy())

    assert (best.text, best.tokens) == ("ab", (2, 3, 1))
    assert [word.text for word in best.words] == ["ab"]
    stream = decoder.begin()
    decoder.advance(stream, said)
    assert decoder.partial(stream).text == "ab ba"


def test_goes_on_where_the_lexicon_has_nothing_like_what_is_certain(tmp_path: Any) -> None:
    path = tmp_path / "words.txt"
    path.write_text("a\ta\n")
    certain = torch.full((3, 4), -math.inf, dtype=torch.float64)
    certain[:, 3] = 0.0

    (best,) = decoded(Beam(LETTERS, lexicon=path), certain.numpy())

    assert best.text == ""
    assert math.isfinite(best.score)


def spoken(frames: int, seed: int) -> torch.Tensor:
    """[frames, vocabulary] log-probabilities that are sure of most, with pauses."""
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(frames, LETTERS.size, generator=draw)
    labels = torch.randint(0, LETTERS.size, (frames,), generator=draw)
    logits[torch.arange(frames), labels] += 5
    return logits.log_softmax(dim=-1)


def length(way: Said | None) -> int:
    """How many emissions a way holds in memory."""
    count = 0
    while way is not None:
        way, count = way.before, count + 1
    return count


@pytest.mark.parametrize("unit", ["word", "character"])
def test_memory_does_not_grow_with_the_stream(
    unit: Any, drawn: Callable[..., LanguageModel]
) -> None:
    model = drawn(["a", "b", "ab", "ba"], unit=unit)
    decoder = Beam(LETTERS, language_model=model, beam=8)
    stream = decoder.begin()
    words, emissions, letters = 0, [], []

    for piece in spoken(1600, 0).split(50):
        words += len(decoder.advance(stream, piece))
        emissions.append(max(length(candidate.whole.said) for candidate in stream._beam))
        letters.append(max(len(candidate.prefix.written) for candidate in stream._beam))

    assert words > 200
    assert max(emissions) < 200
    assert max(letters) < 500
    assert len(decoder.finish(stream).words) >= words


def test_answers_of_the_language_model_are_asked_for_once(
    toy_arpa: Callable[..., Any], tmp_path: Any
) -> None:
    path = tmp_path / "toy.arpa"
    path.write_text("-1\t<s>\t-0.5\n-1\t</s>\n-0.7\t<unk>\n-0.3\ta\t-0.2\n-0.9\tb\t-0.1\n")
    model = toy_arpa(path, unit="character")

    decoded(Beam(LETTERS, language_model=model), spoken(60, 0).double().numpy())

    assert len(model.asked) == len(set(model.asked))
