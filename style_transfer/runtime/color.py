"""Putting photo and painting together: colour kept, strength. ``uint8`` HWC RGB throughout."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.runtime.look import Look


def combine(photo: NDArray[np.uint8], painting: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
    """The painting as the look wants it shown over the photo; same shapes in and out."""
    if look.preserve_color:
        painting = with_colors_of(photo, painting)
    if look.strength < 1:
        painting = np.asarray(cv2.addWeighted(painting, look.strength, photo, 1 - look.strength, 0), np.uint8)
    return painting


def with_colors_of(photo: NDArray[np.uint8], painting: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luminance of the painting, chroma of the photo (BT.601 YCrCb; luminance-only, Gatys et al. 2017)."""
    mixed = cv2.cvtColor(photo, cv2.COLOR_RGB2YCrCb)
    mixed[..., 0] = cv2.cvtColor(painting, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(mixed, cv2.COLOR_YCrCb2RGB), np.uint8)
