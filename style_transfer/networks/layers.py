"""The layers every style network is built from.

A *look* reaches a network as plain tensors: per-channel scales and shifts for all of its norms, in order of
use, and the output convolution. So a change of style is a change of arguments, never of the module.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from style_transfer.networks.plan import NORM_EPSILON


class ConvLayer(nn.Module):
    """Nearest upsampling, reflection padding, convolution; no bias, because a norm always follows.

    ``(N, in, H, W)`` → ``(N, out, H*upsample/stride, W*upsample/stride)``. Upsampling and then convolving
    draws no checkerboard, unlike a transposed convolution (Odena et al. 2016).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, upsample: int = 1
    ) -> None:
        super().__init__()
        self.upsample = upsample
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.upsample > 1:
            x = F.interpolate(x, scale_factor=self.upsample, mode="nearest")
        x = reflect(x, self.conv.kernel_size[0] // 2)
        return F.conv2d(x, self.conv.weight, stride=self.conv.stride)


def reflect(x: Tensor, margin: int) -> Tensor:
    """``x`` with ``margin`` reflected pixels on each side of both spatial dimensions."""
    return F.pad(x, (margin, margin, margin, margin), mode="reflect")


class Norms:
    """The norms of one forward pass: conditional instance normalisation (Dumoulin et al. 2017).

    Called once per norm, in order; each call takes the next channels of the look. ``scales`` and ``shifts``
    are ``(1 or N, C)``, with ``C`` the channels of all norms together. With ``means`` and ``variances`` of
    the same shape the statistics are frozen and each norm is one multiply-add; without, they are the
    picture's own, which with ``measure`` are in :attr:`measured` after the pass.
    """

    def __init__(
        self,
        scales: Tensor,
        shifts: Tensor,
        means: Tensor | None = None,
        variances: Tensor | None = None,
        *,
        epsilon: float = NORM_EPSILON,
        measure: bool = False,
    ) -> None:
        self._look = (scales, shifts, means, variances)
        self._position = 0
        self._epsilon = epsilon
        self._measure = measure
        self.measured: list[tuple[Tensor, Tensor]] = []

    def __call__(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        part = slice(self._position, self._position + channels)
        self._position += channels
        scale, shift, mean, variance = (None if v is None else v[:, part] for v in self._look)
        assert scale is not None
        assert shift is not None
        if self._measure:
            variance, mean = torch.var_mean(x.float(), dim=(2, 3), correction=0)
            self.measured.append((mean, variance))
        if mean is not None and variance is not None:
            if x.dtype in (torch.float16, torch.bfloat16) and len(scale) == len(mean) == 1:
                # Batch norm's inference is the same sum, in one pass and in float32: a mean many times
                # the deviation would cost half precision most of its digits.
                m, v, gain, offset = (part[0].float() for part in (mean, variance, scale, shift))
                return F.batch_norm(x, m, v, gain, offset, training=False, eps=self._epsilon)
            gain = scale * torch.rsqrt(variance + self._epsilon)
            offset = shift - mean * gain
            return x * gain[:, :, None, None].to(x.dtype) + offset[:, :, None, None].to(x.dtype)
        # One group a channel is instance norm, several times faster on CPUs and at home in channels_last.
        if scale.shape[0] == 1:
            return F.group_norm(x, channels, scale[0].to(x.dtype), shift[0].to(x.dtype), self._epsilon)
        # A look for each picture, in training: each channel of the batch is a group with its own scale. In
        # one row of channels there is no channels_last, whose backward takes ten times as long on CPUs.
        row = x.reshape(1, -1, *x.shape[2:])
        gain, offset = scale.flatten().to(x.dtype), shift.flatten().to(x.dtype)
        return F.group_norm(row, row.shape[1], gain, offset, self._epsilon).view(x.shape)


def output_convolution(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The last convolution, which belongs to the look.

    ``x`` ``(N, C, H, W)``, ``weight`` ``(1 or N, 3, C, k, k)``, ``bias`` ``(1 or N, 3)`` → ``(N, 3, H, W)``.
    """
    x = reflect(x, weight.shape[-1] // 2)
    if weight.shape[0] == 1:
        return F.conv2d(x, weight[0].to(x.dtype), bias[0].to(x.dtype))
    # One call a picture: as groups of one convolution, their backward takes eight times as long on CPUs.
    looks = zip(torch.split(x, 1), weight.to(x.dtype), bias.to(x.dtype), strict=True)
    return torch.cat([F.conv2d(picture, w, b) for picture, w, b in looks])
