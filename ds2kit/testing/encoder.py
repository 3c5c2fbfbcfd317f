"""The contracts of every encoder."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from ds2kit.components import Encoder
from ds2kit.testing.batches import Filling, join, utterances
from ds2kit.testing.comparing import seasoned
from ds2kit.testing.modules import (
    check_gradients,
    check_input_left_alone,
    check_keeps_nothing,
    check_padding_in_evaluation,
    check_padding_in_training,
    check_same_seed,
    check_saving,
)
from ds2kit.testing.options import check_options
from ds2kit.testing.seeding import Repeatable
from ds2kit.types import Padded


class EncoderContract(Repeatable):
    """Subclass it and give the fixture `encoder`: a small instance of yours."""

    @pytest.fixture
    def encoder(self) -> Encoder:
        raise NotImplementedError("give the contract your encoder: define the fixture `encoder`")

    def test_declares_its_sizes(self, encoder: Encoder) -> None:
        """`input_size`, `output_size` and `stride` are set, whole, and what forward gives.

        The output layer and the frame times of words are made from them.
        """
        for name in ("input_size", "output_size", "stride"):
            size = getattr(encoder, name, None)
            assert type(size) is int, f"{name} is {size!r}; set a whole number in __init__"
            assert size >= 1, f"{name} is {size}; it is at least 1"
        frames = join(_frames(encoder, 2 * encoder.stride + 3))
        out = encoder(frames)
        assert isinstance(out, Padded), f"forward gave a {type(out).__name__}; expected a Padded"
        width = out.values.shape[-1]
        assert out.values.dim() == 3, f"forward gave {out.values.dim()} axes; expected 3"
        assert width == encoder.output_size, (
            f"forward gave {width} features where output_size is {encoder.output_size}"
        )
        assert out.lengths.dtype == torch.int64, f"lengths are {out.lengths.dtype}; not int64"

    def test_takes_its_options_by_keyword(self, encoder: Encoder) -> None:
        """The constructor takes `input_size`, and keyword-only annotated options.

        What is wrong where this fails cannot be written in a recipe's yaml.
        """
        check_options(type(encoder), ("input_size",))

    def test_lengths_are_what_forward_gives(self, encoder: Encoder) -> None:
        """Contract 2: for every input length from 0, `output_lengths` is forward's length.

        Where it is off by one, a frame is lost or one of padding is decoded.
        """
        encoder = copy.deepcopy(encoder).eval()
        lengths = torch.arange(3 * encoder.stride + 41)
        with torch.no_grad():
            promised = encoder.output_lengths(lengths)
            _check_lengths(encoder(join(_frames(encoder, *lengths.tolist()))), promised, lengths)
            for length, expected in zip(lengths.tolist(), promised.tolist(), strict=True):
                out = encoder(join(_frames(encoder, length)))
                given = out.values.shape[1]
                assert int(out.lengths) == expected, (
                    f"output_lengths says {expected} for an utterance of {length} frames alone, "
                    f"forward's lengths say {int(out.lengths)}"
                )
                assert given == expected or length == 0, (
                    f"output_lengths says {expected} for an utterance of {length} frames; forward "
                    f"gave {given}: count as the layers do, with whole numbers only"
                )

    def test_nothing_to_hear(self, encoder: Encoder) -> None:
        """Utterances of 0 frames give 0 frames, and leave running statistics finite.

        Empty recordings exist, and a rank may have none; none may stop or poison a training.
        """
        cases: tuple[tuple[int, Filling], ...] = ((1, "zeros"), (9, "NaN"))
        for extra, filling in cases:
            for training in (False, True):
                copied = copy.deepcopy(encoder).train(training)
                frames = join(_frames(encoder, 0, 0), extra=extra, filling=filling)
                frames = Padded(frames.values.float(), frames.lengths)
                out = copied(frames)
                case = f"two utterances of 0 frames, with {extra} frames of {filling} as padding"
                assert out.lengths.tolist() == [0, 0], f"{case} gave lengths {out.lengths.tolist()}"
                for name, buffer in copied.named_buffers():
                    assert buffer.isfinite().all(), f"{case} made '{name}' NaN or infinite"

    def test_padding_in_evaluation(self, encoder: Encoder) -> None:
        """Contract 1, float64 to 1e-9: an utterance's output is that utterance's alone."""
        check_padding_in_evaluation(encoder, _batch(encoder), "frames", torch.float64)

    def test_padding_in_evaluation_in_float32(self, encoder: Encoder) -> None:
        """Contract 1, float32 to 1e-4: so a text does not hang on its neighbours either."""
        check_padding_in_evaluation(encoder, _batch(encoder), "frames", torch.float32)

    def test_padding_and_order_in_training(self, encoder: Encoder) -> None:
        """Contract 1 in training: the order and the padding of a batch change nothing.

        Outputs and running statistics are compared, with torch's dropout switched off.
        """
        check_padding_in_training(encoder, _batch(encoder), "frames")

    def test_gradients_ignore_padding(self, encoder: Encoder) -> None:
        """Contract 3: gradients do not hang on what padding holds, NaN included."""
        check_gradients(encoder, _batch(encoder), "frames")

    def test_keeps_nothing_between_batches(self, encoder: Encoder) -> None:
        """A batch gives the same whatever went before; evaluation changes no buffer."""
        check_keeps_nothing(encoder, _batch(encoder))

    def test_same_seed_same_result(self, encoder: Encoder) -> None:
        """Contract 6: after torch.manual_seed the same bits, or no run can be repeated."""
        check_same_seed(encoder, _batch(encoder))

    def test_saving_and_loading(self, encoder: Encoder) -> None:
        """Contract 5: another instance that loads the saved state behaves the same."""
        items = _batch(encoder)
        check_saving(seasoned(encoder, items[-1]), encoder, items)

    def test_leaves_its_input_alone(self, encoder: Encoder) -> None:
        """forward writes into nothing that it was given: others still read it."""
        check_input_left_alone(encoder, _batch(encoder))


def _frames(encoder: Encoder, *lengths: int) -> list[Tensor]:
    dtype = next((p.dtype for p in encoder.parameters()), torch.float32)
    return [item.to(dtype) for item in utterances(lengths, encoder.input_size)]


def _batch(encoder: Encoder) -> list[Tensor]:
    """Utterances in float64 around the boundaries of the stride, none and one frame too."""
    stride = encoder.stride
    lengths = [stride + 1, 0, 2 * stride + 5, 1, 7, 9 * stride + 11, 2, stride, 5 * stride + 14]
    return utterances(lengths, encoder.input_size)


def _check_lengths(out: Padded, promised: Tensor, lengths: Tensor) -> None:
    assert promised.dtype == torch.int64, f"output_lengths gave {promised.dtype}; expected int64"
    rows = zip(lengths.tolist(), promised.tolist(), out.lengths.tolist(), strict=True)
    for length, expected, found in rows:
        assert found == expected, (
            f"output_lengths says {expected} for an utterance of {length} frames in a batch, "
            f"forward's lengths say {found}"
        )
    longest = int(promised.max())
    assert out.values.shape[1] >= longest, (
        f"forward gave {out.values.shape[1]} frames for a batch whose longest has {longest}"
    )
