"""What all style networks share: their arguments, sizes, statistics and output."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from style_transfer.errors import UserError
from style_transfer.networks.layers import NORM_EPSILON, Norms, output_convolution


class StyleParameters(NamedTuple):
    """What a style owns, for N styles or mixes. Linear: a mix of styles is the weighted sum of theirs."""

    scales: Tensor  #: ``(N, C)``, C the channels of all norms
    shifts: Tensor  #: ``(N, C)``
    output_weight: Tensor  #: ``(N, 3, features, k, k)``
    output_bias: Tensor  #: ``(N, 3)``


class Statistics(NamedTuple):
    """Means and (biased) variances that the norms of a network saw, ``(N, C)`` each, float32."""

    means: Tensor
    variances: Tensor


class StyleNetwork(nn.Module):
    """Base class: a subclass gives the shapes below and :meth:`features`.

    :attr:`stride` is the factor between the input and the smallest feature map; :attr:`reach` is how far, in
    input pixels and rounded up to a multiple of the stride, an input pixel can influence the output when the
    statistics are frozen;
    :attr:`working_bytes_per_pixel` is what a float32 pass takes at its peak, measured.
    """

    name: ClassVar[str]
    stride: ClassVar[int]
    reach: int
    working_bytes_per_pixel: int
    norm_channels: tuple[int, ...]
    output_shape: tuple[int, int, int, int]
    epsilon: float = NORM_EPSILON
    #: "sigmoid" bounds the output smoothly; "clamp" is for foreign weights with a linear output.
    output: str = "sigmoid"

    @property
    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """The constructor's keyword arguments, as they are written into a model file."""

    @abstractmethod
    def features(self, x: Tensor, norm: Norms) -> Tensor:
        """Everything before the output convolution: ``(N, 3, H, W)`` → ``(N, features, H, W)``."""

    def forward(
        self,
        x: Tensor,
        scales: Tensor,
        shifts: Tensor,
        output_weight: Tensor,
        output_bias: Tensor,
        means: Tensor | None = None,
        variances: Tensor | None = None,
    ) -> Tensor:
        """Stylize ``(N, 3, H, W)`` float RGB in 0..1 to the same shape and range, any H and W from 1.

        The look's tensors (see :class:`StyleParameters`) hold one look for the whole batch or one a picture.
        ``means`` and ``variances`` freeze the norms' statistics; without them each picture gives its own.
        """
        norms = Norms(scales, shifts, means, variances, epsilon=self.epsilon)
        return self._paint(x, norms, output_weight, output_bias)

    def measure(self, x: Tensor, look: StyleParameters) -> tuple[Tensor, Statistics]:
        """The stylized picture and the statistics of its norms, to freeze later passes with."""
        norms = Norms(look.scales, look.shifts, epsilon=self.epsilon, measure=True)
        y = self._paint(x, norms, look.output_weight, look.output_bias)
        means, variances = zip(*norms.measured, strict=True)
        return y, Statistics(torch.cat(means, 1), torch.cat(variances, 1))

    def _paint(self, x: Tensor, norms: Norms, output_weight: Tensor, output_bias: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = pad_to_stride(x, self.stride)
        y = output_convolution(self.features(x, norms), output_weight, output_bias).float()
        y = torch.sigmoid(y) if self.output == "sigmoid" else y.clamp(0, 1)
        return y[..., :height, :width]

    def initial_parameters(self, styles: int) -> StyleParameters:
        """Parameters to start training ``styles`` new styles from: neutral norms, a random output layer."""
        channels = sum(self.norm_channels)
        weight = torch.empty(self.output_shape)
        nn.init.kaiming_uniform_(weight, a=5**0.5)
        return StyleParameters(
            torch.ones(styles, channels),
            torch.zeros(styles, channels),
            weight.expand(styles, *self.output_shape).clone(),
            torch.zeros(styles, 3),
        )


def check_count(name: str, value: int, most: int) -> int:
    """``value`` if it is an integer from 1 to ``most``; a stranger's file must not make us build a giant.

    Raises ``UserError``.
    """
    if type(value) is not int or not 1 <= value <= most:
        raise UserError(f"the network's {name} must be a whole number from 1 to {most}, not {value}")
    return value


def check_epsilon(value: float) -> float:
    """``value`` if it can keep a norm's divisor from 0. Raises ``UserError``."""
    if type(value) is not float or not 0 < value < 1:
        raise UserError(f"the network's epsilon must be a number between 0 and 1, not {value}")
    return value


def pad_to_stride(x: Tensor, stride: int) -> Tensor:
    """Replicate the right and bottom edge up to a multiple of ``stride``, at least two of them.

    Two, because reflection padding inside the network needs feature maps of two pixels or more.
    """
    height, width = x.shape[-2:]
    bottom = max(2 * stride - height, -height % stride)
    right = max(2 * stride - width, -width % stride)
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x
