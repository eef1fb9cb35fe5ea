"""The small network, for real time on a CPU."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from style_transfer.networks.base import StyleNetwork, check_count, check_epsilon
from style_transfer.networks.johnson import Residual
from style_transfer.networks.layers import NORM_EPSILON, ConvLayer, Norms


class FastNetwork(StyleNetwork):
    """An hourglass down to an eighth of the resolution: 10 kMAC a pixel, a fifteenth of the paper's network.

    4×4 pixels become channels, a stride-2 convolution doubles them, two residual blocks paint at an eighth,
    and nearest upsampling + convolution leads back, the quarter's features added on the way.

    A block at an eighth costs the same as one at a quarter with half the channels, sees twice as far and has
    four times the weights: longer strokes, calmer objects. Nothing but the last two layers runs at more than
    a quarter of the resolution, where a CPU would spend its time moving numbers instead of multiplying them.
    """

    name = "fast"
    stride = 8

    def __init__(self, width: int = 48, blocks: int = 2, *, epsilon: float = NORM_EPSILON) -> None:
        super().__init__()
        check_count("width", width, 256)
        check_count("number of blocks", blocks, 32)
        self.epsilon = check_epsilon(epsilon)
        a, b, c = max(1, width // 3), width, 2 * width
        self.width, self.blocks = width, blocks
        # In input pixels: 4 + 4 going down, 16 in each residual block, 4 + 2 + 2 coming up; up to 7 more,
        # depending on where a pixel falls in the grid of strides.
        self.reach = 16 * blocks + 24
        self.norm_channels = (b, c, *([c] * 2 * blocks), b, a)
        self.output_shape = (3, a, 3, 3)
        self.working_bytes_per_pixel = 6 * width
        self.down4 = ConvLayer(48, b)
        self.down8 = ConvLayer(b, c, stride=2)
        self.residuals = nn.ModuleList(Residual(c) for _ in range(blocks))
        self.up4 = ConvLayer(c, b, upsample=2)
        self.up2 = ConvLayer(b, a, upsample=2)

    @property
    def arguments(self) -> dict[str, Any]:
        return {"width": self.width, "blocks": self.blocks, "epsilon": self.epsilon}

    def features(self, x: Tensor, norm: Norms) -> Tensor:
        quarter = F.relu(norm(self.down4(F.pixel_unshuffle(x, 4))))
        x = F.relu(norm(self.down8(quarter)))
        for block in self.residuals:
            x = block(x, norm)
        x = F.relu(norm(self.up4(x)) + quarter)
        x = F.relu(norm(self.up2(x)))
        return F.interpolate(x, scale_factor=2, mode="nearest")
