"""What all style networks share: their plan, their look, statistics and output."""

from __future__ import annotations

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from style_transfer.networks.layers import Norms, output_convolution
from style_transfer.networks.plan import Plan
from style_transfer.networks.styles import Statistics, StyleParameters


class StyleNetwork(nn.Module):
    """Base class: a subclass makes the convolutions of its plan, and gives :meth:`features`."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

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
        norms = Norms(scales, shifts, means, variances, epsilon=self.plan.epsilon)
        return self._paint(x, norms, output_weight, output_bias)

    def measure(self, x: Tensor, look: StyleParameters) -> Statistics:
        """The statistics of the norms on ``x``, as in :meth:`forward`, to freeze later passes with."""
        norms = Norms(look.scales, look.shifts, epsilon=self.plan.epsilon, measure=True)
        self.features(pad_to_stride(x, self.plan.stride), norms)
        means, variances = zip(*norms.measured, strict=True)
        return Statistics(torch.cat(means, 1), torch.cat(variances, 1))

    def _paint(self, x: Tensor, norms: Norms, output_weight: Tensor, output_bias: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = pad_to_stride(x, self.plan.stride)
        y = output_convolution(self.features(x, norms), output_weight, output_bias).float()
        y = torch.sigmoid(y) if self.plan.output == "sigmoid" else y.clamp(0, 1)
        return y[..., :height, :width]

    def initial_parameters(self, styles: int) -> StyleParameters:
        """Parameters to start training ``styles`` new styles from: neutral norms, a random output layer."""
        scales, shifts, output_weight, output_bias = self.plan.parameter_shapes(styles)
        weight = torch.empty(self.plan.output_shape)
        nn.init.kaiming_uniform_(weight, a=5**0.5)
        return StyleParameters(
            torch.ones(scales),
            torch.zeros(shifts),
            weight.expand(output_weight).clone(),
            torch.zeros(output_bias),
        )


def pad_to_stride(x: Tensor, stride: int) -> Tensor:
    """Replicate the right and bottom edge up to a multiple of ``stride``, at least two of them.

    Two, because reflection padding inside the network needs feature maps of two pixels or more.
    """
    height, width = x.shape[-2:]
    bottom = max(2 * stride - height, -height % stride)
    right = max(2 * stride - width, -width % stride)
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x
