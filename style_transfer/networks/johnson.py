"""The network of Johnson, Alahi and Fei-Fei 2016, with what has been learnt since."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from style_transfer.errors import UserError
from style_transfer.networks.base import StyleNetwork, check_count, check_epsilon
from style_transfer.networks.layers import NORM_EPSILON, ConvLayer, Norms


class Residual(nn.Module):
    """``x + norm(conv(relu(norm(conv(x)))))``, no activation after the sum (He et al. 2016b; Gross 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvLayer(channels, channels)
        self.second = ConvLayer(channels, channels)

    def forward(self, x: Tensor, norm: Norms) -> Tensor:
        return x + norm(self.second(F.relu(norm(self.first(x)))))


class JohnsonNetwork(StyleNetwork):
    """9×9 convolution, two of stride 2, five residual blocks, two upsampling stages, 9×9 convolution.

    Against the paper: nearest upsampling + convolution instead of transposed convolution (no checkerboard),
    reflection padding throughout (no borders), conditional instance norm instead of batch norm (bolder, many
    styles in one network: Ulyanov et al. 2016, Dumoulin et al. 2017). ``width`` scales every layer; 32 is the
    paper's, 154 kMAC a pixel, 1.7 M parameters; cost falls with its square.
    """

    name = "johnson"
    stride = 4
    # In input pixels: 4 for each 9×9, 1 + 2 going down, 10 × 4 in the residual blocks, 2 + 1 coming up; up to
    # 3 more, depending on where a pixel falls in the grid of strides.
    reach = 60

    def __init__(self, width: int = 32, *, epsilon: float = NORM_EPSILON, output: str = "sigmoid") -> None:
        super().__init__()
        check_count("width", width, 256)
        if output not in ("sigmoid", "clamp"):
            raise UserError(f"the network's output must be sigmoid or clamp, not {output}")
        a, b, c = width, 2 * width, 4 * width
        self.width, self.epsilon, self.output = width, check_epsilon(epsilon), output
        self.norm_channels = (a, b, c, *([c] * 10), b, a)
        self.output_shape = (3, a, 9, 9)
        self.working_bytes_per_pixel = 24 * width
        self.encoder = nn.ModuleList(
            [ConvLayer(3, a, 9), ConvLayer(a, b, stride=2), ConvLayer(b, c, stride=2)]
        )
        self.residuals = nn.ModuleList(Residual(c) for _ in range(5))
        self.decoder = nn.ModuleList([ConvLayer(c, b, upsample=2), ConvLayer(b, a, upsample=2)])

    @property
    def arguments(self) -> dict[str, Any]:
        return {"width": self.width, "epsilon": self.epsilon, "output": self.output}

    def features(self, x: Tensor, norm: Norms) -> Tensor:
        for layer in self.encoder:
            x = F.relu(norm(layer(x)))
        for block in self.residuals:
            x = block(x, norm)
        for layer in self.decoder:
            x = F.relu(norm(layer(x)))
        return x
