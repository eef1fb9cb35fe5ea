"""Running a network with PyTorch, on any of its devices."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray

from style_transfer.networks.base import Statistics, StyleNetwork, StyleParameters
from style_transfer.runtime.look import Look


class TorchEngine:
    """One network on one device in one precision; looks come with each call."""

    def __init__(self, network: StyleNetwork, device: torch.device, precision: torch.dtype) -> None:
        self.device, self.precision = device, precision
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.network.to(device, precision, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def paint(self, frame: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
        """``uint8`` ``(H, W, 3)`` RGB → the same, stylized at full strength."""
        painted = self.network(self._upload(frame), *self._parameters(look), *(self._statistics(look) or ()))
        # Rounded, not truncated. The result is channels_last, so that HWC is how it already lies in memory.
        pixels = painted.mul_(255).add_(0.5).clamp_(0, 255).to(torch.uint8)[0].permute(1, 2, 0)
        result: NDArray[np.uint8] = pixels.contiguous().cpu().numpy()
        return result

    @torch.inference_mode()
    def measure(self, frame: NDArray[np.uint8], look: Look) -> Statistics:
        """The statistics of the look's norms on ``frame``, to freeze other frames or tiles with."""
        _, statistics = self.network.measure(self._upload(frame), self._parameters(look))
        return statistics

    def _upload(self, frame: NDArray[np.uint8]) -> torch.Tensor:
        x = torch.from_numpy(frame).to(self.device).permute(2, 0, 1)[None]
        return x.to(self.precision).div_(255)

    def _parameters(self, look: Look) -> StyleParameters:
        return StyleParameters(*(p.to(self.device) for p in look.parameters))

    def _statistics(self, look: Look) -> Statistics | None:
        if look.statistics is None:
            return None
        return Statistics(*(s.to(self.device) for s in look.statistics))
