"""The small network, for real time on a CPU."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from style_transfer.networks.base import StyleNetwork
from style_transfer.networks.johnson import residual_blocks
from style_transfer.networks.layers import ConvLayer, Norms
from style_transfer.networks.plan import Plan


class FastNetwork(StyleNetwork):
    """An hourglass down to an eighth of the resolution: 12 kMAC a pixel, a thirteenth of the paper's network.

    4×4 pixels become channels, a stride-2 convolution doubles them, two residual blocks paint at an eighth,
    and nearest upsampling + convolution leads back, the quarter's features added on the way.

    A block at an eighth costs the same as one at a quarter with half the channels, sees twice as far and has
    four times the weights: longer strokes, calmer objects. Nothing but the last two layers runs at more than
    a quarter of the resolution, where a CPU would spend its time moving numbers instead of multiplying them.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        layers = plan.convolutions
        self.down4 = ConvLayer(*layers["down4"])
        self.down8 = ConvLayer(*layers["down8"], stride=2)
        self.residuals = residual_blocks(plan)
        self.up4 = ConvLayer(*layers["up4"], upsample=2)
        self.up2 = ConvLayer(*layers["up2"], upsample=2)

    def features(self, x: Tensor, norm: Norms) -> Tensor:
        quarter = F.relu(norm(self.down4(F.pixel_unshuffle(x, 4))))
        x = F.relu(norm(self.down8(quarter)))
        for block in self.residuals:
            x = block(x, norm)
        x = F.relu(norm(self.up4(x)) + quarter)
        x = F.relu(norm(self.up2(x)))
        return F.interpolate(x, scale_factor=2, mode="nearest")
