"""A batch's utterances one after another in one image: exact edges, and hardly any padding."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ds2kit.encoders.fast.products import lowered, product_type
from ds2kit.encoders.fast.rows import put, take
from ds2kit.encoders.geometry import convolved, reach
from ds2kit.types import Padded

COLUMNS = 512
"""Of a block of `_weight_gradient`'s large product, about."""


@dataclass(frozen=True)
class Image:
    """Where the frames of a batch stand in an image for a convolution over time.

    Between utterances there are as many void rows as the kernel reaches, and each begins with a
    whole stride, so the image's outputs are the utterances' own.

    height:     rows of the image
    index, row: [frames] places of the valid frames among batch * time, and their rows
    output_index, output_row: the same of the outputs, in batch * output_time
    """

    height: int
    index: Tensor
    row: Tensor
    batch: int
    output_time: int
    output_index: Tensor
    output_row: Tensor

    @classmethod
    def of(cls, frames: Padded, kernel: int, stride: int) -> Image:
        batch, time = frames.values.shape[:2]
        lengths, edge = frames.lengths.cpu(), reach(kernel)
        strides = (lengths + edge + stride - 1) // stride
        first = strides.cumsum(0) - strides
        height = 2 * edge + max(1, int(strides.sum()) * stride)
        utterance, frame = _valid(lengths)
        output_utterance, output_frame = _valid(convolved(lengths, kernel, stride))
        output_time, device = convolved(time, kernel, stride), frames.values.device
        return cls(
            height,
            index=(utterance * time + frame).to(device),
            row=(first[utterance] * stride + edge + frame).to(device),
            batch=batch,
            output_time=output_time,
            output_index=(output_utterance * output_time + output_frame).to(device),
            output_row=(first[output_utterance] + output_frame).to(device),
        )

    def lay(self, values: Tensor) -> Tensor:
        """[batch, time, features] to [height, features]."""
        return put(take(values.flatten(0, 1), self.index), self.row, self.height)

    def outputs(self, image: Tensor) -> Tensor:
        """[height', features] to the valid frames, [frames', features]."""
        return take(image, self.output_row)

    def padded(self, outputs: Tensor) -> Tensor:
        """[frames', features] to [batch, time', features]."""
        flat = put(outputs, self.output_index, self.batch * self.output_time)
        return flat.reshape(self.batch, self.output_time, outputs.shape[1])


def _valid(lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Utterance and frame of each valid frame."""
    going = torch.arange(int(lengths.max()) if len(lengths) else 0) < lengths[:, None]
    utterance, frame = going.nonzero(as_tuple=True)
    return utterance, frame


def convolve_each(
    frames: Padded,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, int],
    finish: Callable[[Tensor], Tensor],
) -> Padded:
    """The convolution of every utterance by itself, with zeros beyond its ends.

    [batch, time, frequencies * channels] to [batch, time', frequencies' * channels'], zeros in
    the padding; weight, bias, stride: as in `convolve`
    finish: what is done to its valid frames, [rows, frequencies' * channels'] to the same
    """
    kernel = weight.shape[2]
    image = Image.of(frames, kernel, stride[0])
    maps = convolve(image.lay(frames.values)[None], weight, bias, stride)[0]
    lengths = convolved(frames.lengths, kernel, stride[0])
    return Padded(image.padded(finish(image.outputs(maps))), lengths)


def convolve(
    frames: Tensor, weight: Tensor, bias: Tensor | None, stride: tuple[int, int]
) -> Tensor:
    """[batch, time, frequencies * channels] to [batch, time', frequencies' * channels'].

    Over time only whole kernels count, over frequency there are zeros beyond the edges. Under
    autocast, what is multiplied is rounded to its type.

    weight: [channels', channels, time kernel, frequency kernel]
    bias: [channels']
    stride: over time, over frequency
    """
    (batch, time, features), channels = frames.shape, weight.shape[1]
    spectra = frames.reshape(batch, time, features // channels, channels)
    maps = convolve_maps(spectra, weight, stride, product_type(frames))
    flat = maps.flatten(2)
    return flat if bias is None else flat + bias.repeat(maps.shape[2])


def convolve_maps(
    image: Tensor, weight: Tensor, stride: tuple[int, int], kind: torch.dtype | None = None
) -> Tensor:
    """[batch, height, frequencies, channels] to [batch, height', frequencies', channels'].

    kind: the type that products round to; None: none
    """
    if image.device.type != "cpu":
        return _plain(lowered(image, kind), lowered(weight, kind), stride)
    with torch.autocast("cpu", enabled=False):
        output: Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
            image, weight, stride, kind
        )
    return output


def _plain(image: Tensor, weight: Tensor, stride: tuple[int, int]) -> Tensor:
    output = F.conv2d(_as_torch(image), weight, None, stride, (0, reach(weight.shape[3])))
    return output.permute(0, 2, 3, 1)


def _as_torch(image: Tensor) -> Tensor:
    """[batch, height, frequencies, channels] as torch has it, channels last."""
    return image.permute(0, 3, 1, 2)


class _Convolution(torch.autograd.Function):
    """torch's convolution, with another way to the gradient of a wide kernel's weights.

    Where oneDNN had no fast kernel (AVX-512 without bf16), it was 3 to 8 times as fast.
    """

    @staticmethod
    def forward(
        ctx: Any, image: Tensor, weight: Tensor, stride: tuple[int, int], kind: torch.dtype | None
    ) -> Tensor:
        image, low = lowered(image, kind).contiguous(), lowered(weight, kind)
        ctx.save_for_backward(image, low)
        ctx.rest = stride, weight.dtype
        return _plain(image, low, stride).to(weight.dtype).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        image, weight = ctx.saved_tensors
        stride, kind = ctx.rest
        gradient = gradient.to(image.dtype).contiguous()
        fast = _torch_is_fast(weight.shape[3])
        of_image, of_weight, _ = torch.ops.aten.convolution_backward(
            _as_torch(gradient),
            _as_torch(image),
            weight,
            bias_sizes=None,
            stride=stride,
            padding=(0, reach(weight.shape[3])),
            dilation=(1, 1),
            transposed=False,
            output_padding=(0, 0),
            groups=1,
            output_mask=(ctx.needs_input_grad[0], fast, False),
        )
        if of_image is not None:
            of_image = of_image.permute(0, 2, 3, 1).to(kind)
        if not fast:
            of_weight = _weight_gradient(image, gradient, weight.shape[2:], stride)
        return of_image, of_weight.to(kind), None, None


def _torch_is_fast(frequency_kernel: int) -> bool:
    """oneDNN has a kernel of its own for the gradients of such weights."""
    return 1 < frequency_kernel <= 14


def _weight_gradient(
    image: Tensor, gradient: Tensor, kernel: tuple[int, int], stride: tuple[int, int]
) -> Tensor:
    """Of [batch, height, frequencies, channels] and [batch, height', frequencies', channels'].

    A few input frequencies at a time: what the kernel sees of them over time, for each output row,
    times the gradients of all output frequencies that see them, is one large product. Its blocks,
    an input and an output frequency each, are added up by the distance of the two.
    """
    (batch, height, frequencies, channels), (_, rows, outputs, maps) = image.shape, gradient.shape
    padding = reach(kernel[1])
    total = torch.zeros(kernel[1], kernel[0], channels, maps, dtype=torch.float32)
    total = total.to(torch.promote_types(image.dtype, torch.float32))
    step = max(1, COLUMNS // (kernel[0] * channels))
    row = frequencies * channels
    for low in range(0, frequencies, step):
        own = torch.arange(low, min(low + step, frequencies))
        first = max(0, math.ceil((low + padding - kernel[1] + 1) / stride[1]))
        seeing = torch.arange(first, min(outputs, (int(own[-1]) + padding) // stride[1] + 1))
        if not len(seeing):
            continue
        seen = image.as_strided(
            (batch, rows, kernel[0], len(own) * channels),
            (height * row, stride[0] * row, row, 1),
            image.storage_offset() + low * channels,
        )
        theirs = gradient[:, :, first : first + len(seeing)]
        product = seen.flatten(2).flatten(0, 1).T @ theirs.flatten(2).flatten(0, 1)
        blocks = product.reshape(kernel[0], len(own), channels, len(seeing), maps)
        distance = own[:, None] + padding - stride[1] * seeing
        pair = ((distance >= 0) & (distance < kernel[1])).nonzero(as_tuple=True)
        blocks = blocks.permute(1, 3, 0, 2, 4)[pair]
        total.index_add_(0, distance[pair], blocks.to(total.dtype))
    return total.permute(3, 2, 1, 0)
