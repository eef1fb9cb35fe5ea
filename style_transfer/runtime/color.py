"""Putting photo and painting together: colour kept, strength. ``uint8`` HWC RGB throughout."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.runtime.look import Look

_STRIP = 2**17  # pixels that are coloured at a time: within the caches, and little memory for a scan too


def combine(photo: NDArray[np.uint8], painting: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
    """The painting as the look wants it shown over the photo; same shapes in and out."""
    if look.preserve_color:
        painting = with_colors_of(photo, painting)
    if look.strength < 1:
        painting = np.asarray(cv2.addWeighted(painting, look.strength, photo, 1 - look.strength, 0), np.uint8)
    return painting


def with_colors_of(photo: NDArray[np.uint8], painting: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luminance of the painting, chroma of the photo (BT.601 YCrCb; luminance-only, Gatys et al. 2017).

    A colour that is not to be had so light or so dark becomes paler: clipped, red would turn to orange and
    dark strokes on it would vanish.
    """
    result = np.empty_like(painting)
    rows = max(1, _STRIP // painting.shape[1])
    for top in range(0, len(painting), rows):
        strip = slice(top, top + rows)
        result[strip] = _recolored(photo[strip], painting[strip])
    return result


def _recolored(photo: NDArray[np.uint8], painting: NDArray[np.uint8]) -> NDArray[Any]:
    luminance = cv2.cvtColor(painting, cv2.COLOR_RGB2GRAY)
    own, cr, cb = cv2.split(cv2.cvtColor(photo, cv2.COLOR_RGB2YCrCb))
    kept = _chroma_that_fits(photo, own, luminance)
    mixed = cv2.merge([luminance, _scaled(cr, kept), _scaled(cb, kept)])
    return cv2.cvtColor(mixed, cv2.COLOR_YCrCb2RGB)


def _chroma_that_fits(photo: NDArray[Any], own: NDArray[Any], luminance: NDArray[Any]) -> NDArray[np.int16]:
    """How much of the chroma of ``photo``, 0..256, is to be had at ``luminance`` instead of its ``own``."""
    red, green, blue = cv2.split(photo)
    above = cv2.subtract(cv2.max(cv2.max(red, green), blue), own)
    below = cv2.subtract(own, cv2.min(cv2.min(red, green), blue))
    # Bytes saturate at 255: all of it.
    lightest = cv2.divide(cv2.bitwise_not(luminance), np.maximum(above, 1), scale=255)
    darkest = cv2.divide(luminance, np.maximum(below, 1), scale=255)
    kept = np.minimum(lightest, darkest).astype(np.int16)
    return kept + (kept >> 7)


def _scaled(chroma: NDArray[Any], share: NDArray[np.int16]) -> NDArray[Any]:
    """``chroma`` around its middle, 128, times ``share`` of 256."""
    return (((chroma.astype(np.int16) - 128) * share + 128 >> 8) + 128).astype(np.uint8)
