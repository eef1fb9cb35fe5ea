"""The network of Johnson, Alahi and Fei-Fei 2016, with what has been learnt since."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from style_transfer.networks.base import StyleNetwork
from style_transfer.networks.layers import ConvLayer, Norms
from style_transfer.networks.plan import Plan


class Residual(nn.Module):
    """``x + norm(conv(relu(norm(conv(x)))))``, no activation after the sum (He et al. 2016b; Gross 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvLayer(channels, channels)
        self.second = ConvLayer(channels, channels)

    def forward(self, x: Tensor, norm: Norms) -> Tensor:
        return x + norm(self.second(F.relu(norm(self.first(x)))))


def residual_blocks(plan: Plan) -> nn.ModuleList:
    """Those of a plan, whose convolutions are named ``residuals.0.first`` and so on."""
    return nn.ModuleList(
        Residual(plan.convolutions[f"residuals.{block}.first"].outputs)
        for block in range(plan.residual_blocks)
    )


class JohnsonNetwork(StyleNetwork):
    """9×9 convolution, two of stride 2, five residual blocks, two upsampling stages, 9×9 convolution.

    Against the paper: nearest upsampling + convolution instead of transposed convolution (no checkerboard),
    reflection padding throughout (no borders), conditional instance norm instead of batch norm (bolder, many
    styles in one network: Ulyanov et al. 2016, Dumoulin et al. 2017). ``width`` scales every layer; 32 is the
    paper's, 154 kMAC a pixel, 1.7 M parameters; cost falls with its square.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        layers = plan.convolutions
        self.encoder = nn.ModuleList(
            ConvLayer(*layers[f"encoder.{n}"], stride=stride) for n, stride in enumerate((1, 2, 2))
        )
        self.residuals = residual_blocks(plan)
        self.decoder = nn.ModuleList(ConvLayer(*layers[f"decoder.{n}"], upsample=2) for n in range(2))

    def features(self, x: Tensor, norm: Norms) -> Tensor:
        for layer in self.encoder:
            x = F.relu(norm(layer(x)))
        for block in self.residuals:
            x = block(x, norm)
        for layer in self.decoder:
            x = F.relu(norm(layer(x)))
        return x
