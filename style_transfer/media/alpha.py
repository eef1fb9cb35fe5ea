"""What lies hidden under transparency, which must not decide how the rest is painted."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.media.pixels import Pixels

_HIDDEN = 16  # opacity, of 255, below which a colour is hardly seen
_SIDE = 512  # pixels of the reduced picture that is filled: what is hidden needs no detail


def fill_hidden(pixels: Pixels, alpha: Pixels | None) -> None:
    """Give the hidden pixels of uint8 HWC ``pixels``, in place, the colours around them; ``alpha`` is HW.

    A network sees all pixels, and its norms take their statistics from them. Pull-push: averages of what is
    seen, at ever smaller sizes, fill ever larger gaps. A picture of which nothing is seen stays.
    """
    if alpha is None or int(alpha.min()) >= _HIDDEN or int(alpha.max()) < _HIDDEN:
        return
    seen = (alpha >= _HIDDEN).astype(np.uint8)
    height, width = alpha.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    weight = _shrunk(seen * np.uint8(255), size) / np.float32(255)
    colour = _shrunk(pixels * seen[..., None], size)
    levels = [(colour, weight)]
    while max(weight.shape) > 1:
        size = (weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2
        weight = _shrunk(weight, size)
        colour = _shrunk(colour, size).reshape(*weight.shape, 3)
        levels.append((colour, weight))
    filled = colour / weight[..., None]
    for colour, weight in reversed(levels[:-1]):
        below = cv2.resize(filled, weight.shape[::-1], interpolation=cv2.INTER_LINEAR).reshape(colour.shape)
        filled = colour + below * (1 - weight)[..., None]
    around = cv2.resize(np.rint(filled).clip(0, 255).astype(np.uint8), (width, height))
    np.copyto(pixels, around, where=(seen == 0)[..., None])


def _shrunk(part: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.float32)
