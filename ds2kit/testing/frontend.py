"""The contracts of every frontend."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from ds2kit.components import Frontend
from ds2kit.testing.batches import join, split
from ds2kit.testing.comparing import change
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
from ds2kit.testing.sounds import speech
from ds2kit.types import Padded


class FrontendContract(Repeatable):
    """Subclass it and give the fixture `frontend`: an instance that has learned nothing yet."""

    @pytest.fixture
    def frontend(self) -> Frontend:
        raise NotImplementedError("give the contract your frontend: define the fixture `frontend`")

    def test_declares_its_sizes(self, frontend: Frontend) -> None:
        """`sample_rate`, `output_size`, `frame_seconds` are set, and what forward gives.

        A step that is no whole number of samples makes times drift, and cannot stream.
        """
        for name in ("sample_rate", "output_size"):
            size = getattr(frontend, name, None)
            assert type(size) is int, f"{name} is {size!r}; set a whole number in __init__"
            assert size >= 1, f"{name} is {size}; it is at least 1"
        assert frontend.frame_seconds > 0, f"frame_seconds is {frontend.frame_seconds}; not above 0"
        step = frontend.frame_seconds * frontend.sample_rate
        assert abs(step - round(step)) < 1e-6, (
            f"frame_seconds is {step:.4f} samples; refuse a step that is no whole number of them"
        )
        frames = frontend(join([_sound(frontend, 12 * round(step))]))
        width = frames.values.shape[-1]
        assert frames.values.dim() == 3, f"forward gave {frames.values.dim()} axes; expected 3"
        assert width == frontend.output_size, (
            f"forward gave {width} features where output_size is {frontend.output_size}"
        )

    def test_takes_its_options_by_keyword(self, frontend: Frontend) -> None:
        """The constructor takes `sample_rate`, and keyword-only annotated options; so does learn.

        What is wrong where this fails cannot be written in a recipe's yaml.
        """
        check_options(type(frontend), ("sample_rate",))
        check_options(frontend.learn, ("batches",))

    def test_lengths_are_what_forward_gives(self, frontend: Frontend) -> None:
        """Contract 2: for every number of samples from 0 on, `output_lengths` is forward's length.

        Every number up to four steps past the first frame is tried: all boundaries of a frame.
        """
        frontend = copy.deepcopy(frontend).eval()
        hop = _hop(frontend)
        counted = frontend.output_lengths(torch.arange(40 * hop))
        assert counted.dtype == torch.int64, f"output_lengths gave {counted.dtype}; expected int64"
        assert counted.any(), f"output_lengths gives no frame for up to {40 * hop} samples"
        last = int(counted.nonzero()[0]) + 4 * hop
        sound = _sound(frontend, last)
        with torch.no_grad():
            for samples in range(last):
                frames = frontend(Padded(sound[None, :samples], torch.tensor([samples])))
                found, expected = int(frames.lengths), int(counted[samples])
                given = frames.values.shape[1]
                assert found == given == expected, (
                    f"output_lengths says {expected} frames for {samples} samples; forward gave "
                    f"{given} and lengths of {found}: count with whole numbers only"
                )

    def test_prefix_of_the_sound_gives_a_prefix(self, frontend: Frontend) -> None:
        """The features of a prefix are a prefix of the features; float64 to 1e-9.

        What needs the whole utterance, such as its mean, cannot stream and hears the future.
        """
        frontend = copy.deepcopy(frontend).double().eval()
        hop = _hop(frontend)
        sound = _sound(frontend, 60 * hop + 7).double()
        with torch.no_grad():
            whole = split(frontend(join([sound])))[0]
            for samples in (0, hop, 3 * hop - 1, 10 * hop, 20 * hop + 3, 33 * hop + hop // 2):
                part = split(frontend(join([sound[:samples]])))[0]
                how = change(part, whole[: len(part)])
                assert not how, (
                    f"the features of the first {samples} samples of {len(sound)} {how}: a frame "
                    "sees beyond its own stretch of sound; learn statistics of the training split "
                    "instead, and pad nothing at the end"
                )

    def test_finite_for_silence_and_full_scale(self, frontend: Frontend) -> None:
        """Digital silence, full scale and a single click give finite features in float32."""
        for learned in (False, True):
            copied = copy.deepcopy(frontend)
            if learned:
                copied.learn(iter([join([_sound(frontend, 20 * _hop(frontend)) * 0])]))
            for name, sound in _extremes(copied).items():
                frames = copied.eval()(join([sound]))
                state = "after learning from silence alone" if learned else "before learning"
                assert frames.values.isfinite().all(), (
                    f"{name} gives NaN or infinite features {state}: a logarithm or a division "
                    "meets zero; give it a floor"
                )

    def test_padding_in_evaluation(self, frontend: Frontend) -> None:
        """Contract 1, float64 to 1e-9: an utterance's features are that utterance's alone."""
        check_padding_in_evaluation(frontend, _batch(frontend), "samples", torch.float64)

    def test_padding_in_evaluation_in_float32(self, frontend: Frontend) -> None:
        """Contract 1, float32 to 1e-4."""
        check_padding_in_evaluation(frontend, _batch(frontend), "samples", torch.float32)

    def test_padding_and_order_in_training(self, frontend: Frontend) -> None:
        """Contract 1 in training: the order and the padding of a batch change nothing."""
        check_padding_in_training(frontend, _batch(frontend), "samples")

    def test_gradients_ignore_padding(self, frontend: Frontend) -> None:
        """Contract 3: gradients, where there are any, do not hang on what padding holds."""
        check_gradients(frontend, _batch(frontend), "samples")

    def test_keeps_nothing_between_batches(self, frontend: Frontend) -> None:
        """A batch gives the same whatever went before; evaluation changes no buffer."""
        check_keeps_nothing(frontend, _batch(frontend))

    def test_same_seed_same_result(self, frontend: Frontend) -> None:
        """Contract 6: after torch.manual_seed the same bits."""
        check_same_seed(frontend, _batch(frontend))

    def test_learning_ignores_padding_and_order(self, frontend: Frontend) -> None:
        """What `learn` learned does not hang on the padding, the order or the batches; to 1e-9.

        The batches come once, from an iterator, as they do from a training split.
        """
        items = _batch(frontend)
        expected = _learned(frontend, [join(items)])
        cases = {
            "NaN as padding": [join(items, extra=33, filling="NaN")],
            "another order": [join(items[::-1])],
            "other batches": [join(items[3:], extra=5, filling="noise"), join(items[:3])],
        }
        for case, batches in cases.items():
            learned = _learned(frontend, batches)
            for name, tensor in expected.state_dict().items():
                how = change(learned.state_dict()[name].double(), tensor.double())
                assert not how, (
                    f"'{name}' {how} when learned with {case}: count valid frames only, and merge "
                    "sums and counts in float64"
                )

    def test_saving_and_loading(self, frontend: Frontend) -> None:
        """Contract 5: one that loads the saved state of one that has learned behaves the same."""
        items = _batch(frontend)
        check_saving(_learned(frontend, [join(items)]), frontend, items)

    def test_leaves_its_input_alone(self, frontend: Frontend) -> None:
        """forward writes into nothing that it was given."""
        check_input_left_alone(frontend, _batch(frontend))


def _hop(frontend: Frontend) -> int:
    return round(frontend.frame_seconds * frontend.sample_rate)


def _sound(frontend: Frontend, samples: int) -> Tensor:
    return torch.from_numpy(speech(samples, frontend.sample_rate, seed=samples))


def _batch(frontend: Frontend) -> list[Tensor]:
    """Utterances in float64 around the boundaries of frames, of no and of one sample too."""
    hop = _hop(frontend)
    lengths = [5 * hop + 1, 0, 3 * hop - 1, 1, hop // 2, 30 * hop + 7, 12 * hop, 9 * hop + 3]
    return [_sound(frontend, samples).double() for samples in lengths]


def _extremes(frontend: Frontend) -> dict[str, Tensor]:
    samples = 20 * _hop(frontend)
    click = torch.zeros(samples)
    click[samples // 2] = 1.0
    alternating = torch.ones(samples)
    alternating[::2] = -1.0
    return {
        "digital silence": torch.zeros(samples),
        "a constant at full scale": torch.ones(samples),
        "a square wave at full scale": alternating,
        "a click": click,
    }


def _learned(frontend: Frontend, batches: list[Padded]) -> Frontend:
    copied = copy.deepcopy(frontend).double()
    copied.learn(iter(batches))
    return copied
