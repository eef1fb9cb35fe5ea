"""Pictures as tensors and back."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """``uint8`` ``(H, W, 3)`` → float ``(1, 3, H, W)`` in 0..1, contiguous, on the CPU."""
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].contiguous().float() / 255


def to_pixels(picture: Tensor) -> NDArray[np.uint8]:
    """``(1, 3, H, W)`` in 0..1 → ``uint8`` ``(H, W, 3)``, rounded."""
    rounded = picture[0].detach().cpu().mul(255).round().clamp(0, 255).byte()
    return np.ascontiguousarray(rounded.permute(1, 2, 0).numpy())
