"""Depthwise convolution on tiny maps as a batch of small matrix products: same result, less time.

On a map of 2 x 2 or 6 x 3 the backward pass of a 5 x 5 depthwise convolution took most of a
training step on a processor. There a channel's convolution is a matrix of at most 20 x 20, filled
from the kernel, and the products of all channels are one batched product. Parameters and their
names are those of the convolution; outside training the convolution itself runs, and is what is
exported.
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn

LARGEST_MAP: Final = 20
"""Places beyond which the convolution is the faster way."""


class _ByChannel(torch.autograd.Function):
    """``torch.bmm`` whose gradient is laid out before its products.

    As it arrives it is a permuted view, which torch multiplies one matrix at a time with a copy of
    each: a fifth of a training step.
    """

    @staticmethod
    def forward(context: Any, left: Tensor, right: Tensor) -> Tensor:  # noqa: ANN401 - torch's own
        """Return the product of each channel's two matrices."""
        context.save_for_backward(left, right)
        return torch.bmm(left, right)

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        """Return the gradients of both."""
        left, right = context.saved_tensors
        slope = slope.contiguous()
        return torch.bmm(slope, right.transpose(1, 2)), torch.bmm(left.transpose(1, 2), slope)


class DepthwiseOnTinyMaps(nn.Conv2d):
    """A depthwise convolution that trains as matrix products where the map is tiny."""

    def forward(self, image: Tensor) -> Tensor:
        """Return the convolution of ``[batch, channel, row, column]``."""
        rows, columns = image.shape[2:]
        if not self.training or rows * columns > LARGEST_MAP:
            return super().forward(image)
        return self._as_product(image, rows, columns)

    def _as_product(self, image: Tensor, rows: int, columns: int) -> Tensor:
        places, height, width = self._places(rows, columns)
        kernel = nn.functional.pad(self.weight.flatten(1), (0, 1))
        matrix = kernel.index_select(1, places.flatten()).view(-1, *places.shape)
        flat = image.permute(1, 0, 2, 3).contiguous().view(self.in_channels, -1, rows * columns)
        product: Tensor = _ByChannel.apply(flat, matrix)
        shaped = product.view(self.in_channels, -1, height, width).permute(1, 0, 2, 3)
        if self.bias is not None:
            shaped = shaped + self.bias.view(1, -1, 1, 1)
        return shaped.contiguous(memory_format=torch.channels_last)

    def _places(self, rows: int, columns: int) -> tuple[Tensor, int, int]:
        """Return which kernel value joins input and output place, the last standing for none."""
        size, padding, stride = self.kernel_size[0], int(self.padding[0]), self.stride[0]
        height, width = ((edge + 2 * padding - size) // stride + 1 for edge in (rows, columns))
        input_row, input_column = _grid(rows, columns)
        output_row, output_column = _grid(height, width)
        down = input_row[:, None] - output_row[None] * stride + padding
        right = input_column[:, None] - output_column[None] * stride + padding
        inside = (down >= 0) & (down < size) & (right >= 0) & (right < size)
        return torch.where(inside, down * size + right, size * size), height, width


def _grid(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return row.flatten(), column.flatten()


def with_tiny_maps(net: nn.Module) -> nn.Module:
    """Replace every depthwise convolution of a net in place; weights and names stay."""
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Conv2d and child.groups == child.in_channels > 1:
                tiny = DepthwiseOnTinyMaps(
                    child.in_channels,
                    child.out_channels,
                    child.kernel_size,
                    child.stride,
                    child.padding,
                    groups=child.groups,
                    bias=child.bias is not None,
                )
                tiny.load_state_dict(child.state_dict())
                setattr(parent, name, tiny)
    return net
